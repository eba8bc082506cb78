package localpg

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// The roles of a provisioned server, as a platform team would make them: the owner
// runs migrations, the login serves players with the rights of vegas_app alone.
const (
	Owner = "vegas_owner"
	Login = "vegas_service"
	App   = "vegas_app" // made by the first migration
)

// provisionLock is an advisory lock on the database "postgres". Roles belong to the
// whole server, and PostgreSQL answers concurrent changes of one with an error.
const provisionLock = 0x76656761 // "vega"

// Locked runs f on a superuser's connection while it holds the server's provision
// lock. admin is a connection string; its database does not matter.
func Locked(ctx context.Context, admin string, f func(conn *pgx.Conn) error) error {
	address, err := WithDatabase(admin, "postgres")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // frees the lock, too
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", provisionLock); err != nil {
		return fmt.Errorf("lock the server's roles: %w", err)
	}
	return f(conn)
}

// EnsureOwner makes the role that owns databases and runs migrations. It may create
// roles, as the first migration does, and is no superuser.
func EnsureOwner(ctx context.Context, conn *pgx.Conn, password string) error {
	return ensureRole(ctx, conn, Owner, "LOGIN CREATEROLE", password)
}

// EnsureLogin makes the role of the services, a member of vegas_app. Call it after
// the first migration, which makes vegas_app.
func EnsureLogin(ctx context.Context, conn *pgx.Conn, password string) error {
	if err := ensureRole(ctx, conn, Login, "LOGIN", password); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "GRANT "+App+" TO "+Login); err != nil {
		return fmt.Errorf("make %s a member of %s: %w", Login, App, err)
	}
	return nil
}

func ensureRole(ctx context.Context, conn *pgx.Conn, name, attributes, password string) error {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for role %s: %w", name, err)
	}
	if exists {
		return nil
	}
	secret, err := conn.PgConn().EscapeString(password)
	if err != nil {
		return fmt.Errorf("quote the password of %s: %w", name, err)
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE ROLE %s %s PASSWORD '%s'", name, attributes, secret)); err != nil {
		return fmt.Errorf("make role %s: %w", name, err)
	}
	return nil
}

// EnsureDatabase makes a database of the owner if it is missing and says whether it did.
func EnsureDatabase(ctx context.Context, conn *pgx.Conn, name string) (made bool, err error) {
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return false, fmt.Errorf("look for database %s: %w", name, err)
	}
	if exists {
		return false, nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" OWNER "+Owner); err != nil {
		return false, fmt.Errorf("make database %s: %w", name, err)
	}
	return true, nil
}

// WithDatabase is a connection URL with another database.
func WithDatabase(address, database string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("use database %s: not a connection URL (postgres://...)", database)
	}
	u.Path = "/" + database
	return u.String(), nil
}

// WithUser is a connection URL with another database and user.
func WithUser(address, database, user, password string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("use role %s: not a connection URL (postgres://...)", user)
	}
	u.Path = "/" + database
	u.User = url.UserPassword(user, password)
	return u.String(), nil
}
