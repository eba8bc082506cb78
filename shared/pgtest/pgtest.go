// Package pgtest gives tests databases of a real PostgreSQL.
//
// New and Empty use the server of TEST_DATABASE_URL (a superuser's URL) when that
// is set, else one private server per test binary, started from the installed
// binaries at the first call and gone with the test binary. The private server
// does not sync its files; the one of Server does.
//
//	db := pgtest.New(t)
//	pool := db.Pool(t) // as the services connect
//
// All functions may be called from parallel tests. A server that cannot be had
// fails the test.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/localpg"
)

// patience bounds every step of the set-up on a busy machine.
const patience = 2 * time.Minute

// password is that of the test roles; several test binaries can share one server.
const password = "vegas"

// Database is one database of one test; it is dropped when the test ends.
type Database struct {
	Name string
	// URL is the login of the services: a member of vegas_app without other rights.
	// In an Empty database it has no rights at all before the migrations, and it does
	// not exist on a server where no database has them.
	URL string
	// DirectURL is the owner of the database, who runs migrations.
	DirectURL string
	// AdminURL is the superuser.
	AdminURL string
}

// New makes a database with all migrations applied.
func New(t testing.TB) *Database {
	t.Helper()
	admin := sharedServer(t)
	template, err := sharedTemplate(admin)
	if err != nil {
		t.Fatal(err)
	}
	return create(t, admin, template)
}

// Empty makes a database without migrations.
func Empty(t testing.TB) *Database {
	t.Helper()
	admin := sharedServer(t)
	if err := ensureOwner(admin); err != nil {
		t.Fatal(err)
	}
	return create(t, admin, "template0")
}

// Pool opens a pool of at most 10 connections with the rights of the services; it
// is closed when the test ends.
func (d *Database) Pool(t testing.TB) *pgxpool.Pool { return open(t, d.URL) }

// DirectPool opens a pool like Pool with the rights of the owner.
func (d *Database) DirectPool(t testing.TB) *pgxpool.Pool { return open(t, d.DirectURL) }

// AdminPool opens a pool like Pool with the rights of the superuser.
func (d *Database) AdminPool(t testing.TB) *pgxpool.Pool { return open(t, d.AdminURL) }

func open(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		t.Fatalf("open a pool: %v", err)
	}
	config.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatalf("open a pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// sharedServer is the superuser's URL of the server that the test binary shares.
func sharedServer(t testing.TB) string {
	t.Helper()
	address, err := startShared()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var startShared = sync.OnceValues(func() (string, error) {
	if address := os.Getenv("TEST_DATABASE_URL"); address != "" {
		return address, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "vegas-pgtest-")
	if err != nil {
		return "", fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	server, err := localpg.Start(ctx, localpg.Options{
		Dir: dir, NoSync: true, Trust: true, Leave: true,
		Settings: map[string]string{"shared_buffers": "16MB", "max_wal_size": "256MB"},
	})
	if err != nil {
		return "", err
	}
	return server.URL("postgres"), nil
})

// create clones a template and drops the clone when the test ends.
func create(t testing.TB, admin, template string) *Database {
	t.Helper()
	d := clone(t, admin, template)
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE IF EXISTS "+d.Name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return d
}

// clone copies a template into a new database of the owner.
func clone(t testing.TB, admin, template string) *Database {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:16])
	if err := execute(admin, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, template, localpg.Owner)); err != nil {
		t.Fatal(err)
	}
	d := &Database{Name: name}
	var err error
	for _, target := range []struct {
		to   *string
		user string
	}{{&d.URL, localpg.Login}, {&d.DirectURL, localpg.Owner}} {
		if *target.to, err = localpg.WithUser(admin, name, target.user, password); err != nil {
			t.Fatal(err)
		}
	}
	if d.AdminURL, err = localpg.WithDatabase(admin, name); err != nil {
		t.Fatal(err)
	}
	return d
}

// execute runs one statement as the superuser, on a connection of its own: a pool
// would leave goroutines behind for a leak check to find.
func execute(admin, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}
