package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestSessionsCarryTheTimeouts(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).URL, StatementTimeout: 1234 * time.Millisecond, Application: "casino"})
	want := map[string]string{
		"statement_timeout": "1234ms", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "5s",
		"application_name": "casino",
	}
	for name, value := range want {
		var got string
		if err := db.QueryRow(context.Background(), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != value {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, value)
		}
	}
	if db.Pooled() {
		t.Error("a direct connection was taken for a pooler")
	}
}

func TestWorksThroughAPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
	through := bouncer.Start(t, pgtest.New(t).URL, 3)
	ctx := context.Background()
	for _, mode := range []postgres.Mode{postgres.ModeAuto, postgres.ModeExec} {
		db := open(t, postgres.Config{URL: through, Mode: mode, LockTimeout: 777 * time.Millisecond})
		for i := range 30 {
			var got int
			if err := db.QueryRow(ctx, "SELECT $1::int + 1", i).Scan(&got); err != nil || got != i+1 {
				t.Fatalf("%s: got %d, %v", mode, got, err)
			}
			err := db.InTx(ctx, func(tx pgx.Tx) error {
				var lock string
				var rows int64
				err := tx.QueryRow(ctx, "SELECT current_setting('lock_timeout'), count(*) FROM outbox WHERE key = $1", "k").Scan(&lock, &rows)
				if err == nil && lock != "777ms" {
					err = errors.New("lock_timeout is " + lock)
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
		}
		if !db.Pooled() {
			t.Errorf("%s: the pooler was not noticed", mode)
		}
	}
}

// TestPreparedStatementsBreakBehindAPooler shows why the pool may not keep them there:
// the next transaction may run on a connection that does not have them.
func TestPreparedStatementsBreakBehindAPooler(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	through := bouncer.Start(t, pgtest.Empty(t).DirectURL, 3)
	var conns [2]*pgx.Conn
	for i := range conns {
		var err error
		if conns[i], err = pgx.Connect(ctx, through); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conns[i].Close(ctx) }()
	}
	ask := func() error {
		var n int
		return conns[0].QueryRow(ctx, "SELECT $1::int", 1).Scan(&n)
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if _, err := conns[1].Exec(ctx, "BEGIN"); err != nil { // takes the only connection that there is yet
		t.Fatal(err)
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "prepared statement") {
		t.Errorf("got %v", err)
	}
}

func TestStartsWithoutTheServerAndHeals(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t)
	url := cluster.New(t).URL
	cluster.Kill()
	began := time.Now()
	db := open(t, postgres.Config{URL: url})
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("Open took %s without a server", took)
	}
	ctx := context.Background()
	began = time.Now()
	err := postgres.Problem(db.Check(ctx))
	if !errors.Is(err, problem.New(0, problem.Unavailable, "")) || time.Since(began) > 250*time.Millisecond {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	cluster.Start()
	began = time.Now()
	eventually(t, 5*time.Second, func() error { return db.Check(ctx) })
	t.Logf("healed in %s", time.Since(began))

	// A kill under an open pool costs no restart of ours.
	cluster.Kill()
	if err := db.Check(ctx); err == nil {
		t.Error("a killed server answered")
	}
	cluster.Start()
	eventually(t, 5*time.Second, func() error { return db.Check(ctx) })
}

func TestConnectionsOfADemotedServerAreDropped(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t)
	database := cluster.New(t)
	db := open(t, postgres.Config{URL: database.URL})
	ctx := context.Background()
	pids := map[uint32]bool{}
	var held []interface{ Release() }
	for range 5 {
		conn, err := db.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pids[conn.Conn().PgConn().PID()] = true
		held = append(held, conn)
	}
	for _, conn := range held {
		conn.Release()
	}
	admin := database.AdminPool(t)
	setReadOnly := func(value string) {
		t.Helper()
		for _, sql := range []string{"SET default_transaction_read_only = off", "ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
			if _, err := admin.Exec(ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	insert := func() error {
		_, err := db.Exec(ctx, "INSERT INTO handled_events (consumer, event_id) VALUES ('test', gen_random_uuid())")
		return err
	}
	setReadOnly("on")
	eventually(t, 5*time.Second, func() error {
		if err := postgres.Problem(insert()); !errors.Is(err, problem.New(0, problem.Unavailable, "")) {
			return errors.New("still writable")
		}
		return nil
	})
	setReadOnly("off")
	eventually(t, 5*time.Second, insert)
	for range 5 {
		conn, err := db.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		if pid := conn.Conn().PgConn().PID(); pids[pid] {
			t.Errorf("connection %d outlived the demotion", pid)
		}
	}
}

func TestRefusesAFleetBeyondTheServer(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(context.Background(), postgres.Config{URL: "postgres://127.0.0.1:1/x", MaxInstances: 1000}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, postgres.ErrOverBudget) {
		t.Errorf("at start: got %v", err)
	}
	cluster := pgtest.Server(t, map[string]string{"max_connections": "20"})
	db := open(t, postgres.Config{URL: cluster.New(t).URL, MaxConns: 8})
	err = db.Check(context.Background())
	if !errors.Is(err, postgres.ErrOverBudget) {
		t.Errorf("at the first connection: got %v", err)
	}
}

func TestSchemaCheckWantsTheMigrations(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if err := open(t, postgres.Config{URL: pgtest.Empty(t).URL}).CheckSchema(ctx, 1); !errors.Is(err, postgres.ErrSchemaTooOld) {
		t.Errorf("without a schema: got %v", err)
	}
	database := pgtest.New(t)
	db := open(t, postgres.Config{URL: database.URL})
	if err := db.CheckSchema(ctx, 5); err != nil {
		t.Errorf("with the schema: %v", err)
	}
	if err := db.CheckSchema(ctx, 9999); !errors.Is(err, postgres.ErrSchemaTooOld) {
		t.Errorf("newer than the schema: got %v", err)
	}
	if _, err := database.DirectPool(t).Exec(ctx, "UPDATE schema_migrations SET finished_at = NULL WHERE version = 3"); err != nil {
		t.Fatal(err)
	}
	if err := db.CheckSchema(ctx, 5); !errors.Is(err, postgres.ErrSchemaTooOld) {
		t.Errorf("with an unfinished migration: got %v", err)
	}
}
