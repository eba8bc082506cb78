package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/pubsub"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/localpg"
	"github.com/vegascore/vegascore/shared/localredis"
)

const (
	password   = "bench"
	cleanName  = "migrated" // a database that the others are copied from
	httpName   = "over_http"
	sqlName    = "over_sql"
	poolName   = "over_pool"
	pushIssuer = "https://accounts.vegascore.local"
	pushEmail  = "push@vegascore.local"
)

// environment is what the services need: a PostgreSQL that syncs its log to disk,
// with a database for bets over HTTP and equal ones for pgbench and for the pools, Redis,
// and keys.
type environment struct {
	dir      string
	postgres *localpg.Server
	redis    *localredis.Server

	httpURL, sqlURL, poolURL string // as the services connect
}

// prepare starts the servers. The caller ends them with close.
func (b *bench) prepare(ctx context.Context) (_ *environment, err error) {
	b.say("starting PostgreSQL, with fsync, and Redis")
	e := &environment{}
	defer func() {
		if err != nil {
			e.close(context.WithoutCancel(ctx))
		}
	}()
	if e.dir, err = os.MkdirTemp("", "vegas-bench-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	e.postgres, err = localpg.Start(ctx, localpg.Options{
		Dir: filepath.Join(e.dir, "pg"), Settings: map[string]string{"shared_buffers": "128MB", "max_wal_size": "2GB"},
	})
	if err != nil {
		return nil, err
	}
	if e.redis, err = localredis.Start(ctx, localredis.Options{Dir: filepath.Join(e.dir, "redis")}); err != nil {
		return nil, err
	}
	if err := e.databases(ctx, b.binary("migrate")); err != nil {
		return nil, err
	}
	return e, e.keys()
}

// databases migrates one database and copies it for the parts that share theirs.
func (e *environment) databases(ctx context.Context, migrate string) error {
	admin := e.postgres.URL("postgres")
	err := localpg.Locked(ctx, admin, func(conn *pgx.Conn) error {
		if err := localpg.EnsureOwner(ctx, conn, password); err != nil {
			return err
		}
		_, err := localpg.EnsureDatabase(ctx, conn, cleanName)
		return err
	})
	if err != nil {
		return err
	}
	owner, err := localpg.WithUser(admin, cleanName, localpg.Owner, password)
	if err != nil {
		return err
	}
	job := exec.CommandContext(ctx, migrate, "up")
	job.Env = append(os.Environ(), "DATABASE_URL="+owner, "DIRECT_URL="+owner)
	if said, err := job.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, said)
	}
	err = localpg.Locked(ctx, admin, func(conn *pgx.Conn) error { return localpg.EnsureLogin(ctx, conn, password) })
	if err != nil {
		return err
	}
	for name, url := range map[string]*string{httpName: &e.httpURL, sqlName: &e.sqlURL, poolName: &e.poolURL} {
		if *url, err = e.database(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// database makes one more database that is migrated and empty, and returns how the
// services connect to it.
func (e *environment) database(ctx context.Context, name string) (string, error) {
	admin := e.postgres.URL("postgres")
	err := localpg.Locked(ctx, admin, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+cleanName+" OWNER "+localpg.Owner)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make database %s: %w", name, err)
	}
	return localpg.WithUser(admin, name, localpg.Login, password)
}

// drop removes a database, which may be large. Nobody may be connected any more.
func (e *environment) drop(ctx context.Context, name string) error {
	return localpg.Locked(ctx, e.postgres.URL("postgres"), func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		return err
	})
}

// keys makes those of players' and of push tokens.
func (e *environment) keys() error {
	private, public, err := auth.GenerateKey("bench")
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	if _, err := pubsub.NewSigner(e.dir, pushIssuer, pushEmail); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	return errors.Join(
		os.WriteFile(e.path("token.jwk"), private, 0o600),
		os.WriteFile(e.path("token-jwks.json"), public, 0o600),
	)
}

func (e *environment) path(name string) string { return filepath.Join(e.dir, name) }

// variables are those of a service by its name.
func (e *environment) variables(service, port string) map[string]string {
	v := map[string]string{"PORT": port, "LOCAL_ONLY": "1", "INTERNAL_ADDR": "127.0.0.1:0", "LOG_LEVEL": "error", "FUNCTION_TARGET": "", "MAX_INSTANCES": "1"}
	switch service {
	case "actions":
		v["DATABASE_URL"], v["REDIS_URL"] = e.httpURL, ""
		v["TOKEN_SIGNING_KEY_FILE"], v["TOKEN_KEYS_FILE"] = e.path("token.jwk"), e.path("token-jwks.json")
	case "realtime":
		v["REDIS_URL"], v["TOKEN_KEYS_FILE"] = e.redis.URL(), e.path("token-jwks.json")
	case "events":
		v["DATABASE_URL"] = e.httpURL
		v["PUSH_AUDIENCE"], v["PUSH_ISSUER"], v["PUSH_EMAIL"], v["PUSH_JWKS_FILE"] = "https://events.vegascore.local", pushIssuer, pushEmail, pubsub.JWKSFile(e.dir)
	}
	return v
}

// close ends the servers and removes their data.
func (e *environment) close(ctx context.Context) {
	if e.redis != nil {
		_ = e.redis.Stop(ctx) // its data is thrown away
	}
	if e.postgres != nil {
		_ = e.postgres.Stop(ctx) // likewise
		_ = localpg.Remove(ctx, filepath.Join(e.dir, "pg"))
	}
	_ = os.RemoveAll(e.dir)
}
