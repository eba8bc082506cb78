package pgtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one[T any](t *testing.T, pool *pgxpool.Pool, sql string) T {
	t.Helper()
	v, err := try[T](t, pool, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func try[T any](t *testing.T, pool *pgxpool.Pool, sql string) (T, error) {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
}

func TestANewDatabaseHasEveryMigration(t *testing.T) {
	t.Parallel()
	all, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	pool := New(t).Pool(t)
	const sql = "SELECT count(*) FROM schema_migrations WHERE finished_at IS NOT NULL"
	if got, want := one[int](t, pool, sql), len(all); got != want {
		t.Errorf("got %d finished migrations, want %d", got, want)
	}
}

func TestTheServicesLoginHasTheRightsOfTheGroupOnly(t *testing.T) {
	t.Parallel()
	db := New(t)
	pool := db.Pool(t)
	if got := one[int](t, pool, "SELECT count(*) FROM ledger_accounts WHERE kind IN ('house', 'world')"); got != 2 {
		t.Errorf("got %d accounts, want the house and the world", got)
	}
	for _, sql := range []string{
		"UPDATE players SET name = 'x' RETURNING 1",
		"DELETE FROM rounds RETURNING 1",
		"SELECT pg_read_file('/etc/passwd')",
	} {
		var pg *pgconn.PgError
		if _, err := try[any](t, pool, sql); !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: got %v, want insufficient privilege", sql, err)
		}
	}
	if one[bool](t, db.DirectPool(t), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") {
		t.Error("the owner is a superuser")
	}
	if !one[bool](t, db.AdminPool(t), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") {
		t.Error("the admin is no superuser")
	}
}

func TestDatabasesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	one[string](t, New(t).DirectPool(t), "WITH x AS (INSERT INTO players (id, name) VALUES (gen_random_uuid(), 'Ada') RETURNING name) SELECT name FROM x")
	if got := one[int](t, New(t).Pool(t), "SELECT count(*) FROM players"); got != 0 {
		t.Errorf("another test's %d players are here", got)
	}
}

func TestManyDatabasesAtOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	began := time.Now()
	const n = 8
	for range n {
		wg.Go(func() { New(t) })
	}
	wg.Wait()
	t.Logf("%s each", time.Since(began)/n)
}

func TestAnEmptyDatabaseTakesTheMigrationsFromItsOwner(t *testing.T) {
	t.Parallel()
	db := Empty(t)
	pool := db.DirectPool(t)
	if one[bool](t, pool, "SELECT to_regclass('schema_migrations') IS NOT NULL") {
		t.Fatal("the database is not empty")
	}
	all, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db.DirectURL, all); err != nil {
		t.Fatal(err)
	}
}

func TestTheDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) { name = New(t).Name })
	admin := New(t).AdminPool(t)
	if one[bool](t, admin, fmt.Sprintf("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '%s')", name)) {
		t.Errorf("%s is still there", name)
	}
}

func TestAClusterOfItsOwnSyncsAndCanBeKilled(t *testing.T) {
	t.Parallel()
	cluster := Server(t, map[string]string{"max_connections": "33"})
	db := cluster.New(t)
	pool := db.Pool(t)
	for _, c := range []struct{ sql, want string }{{"SHOW fsync", "on"}, {"SHOW synchronous_commit", "on"}, {"SHOW max_connections", "33"}} {
		if got := one[string](t, pool, c.sql); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
		}
	}
	cluster.Kill()
	if _, err := try[int](t, pool, "SELECT 1"); err == nil {
		t.Error("a killed server answered")
	}
	cluster.Start()
	if got := one[int](t, db.Pool(t), "SELECT count(*) FROM ledger_accounts WHERE kind IN ('house', 'world')"); got != 2 {
		t.Errorf("got %d accounts after the crash", got)
	}
}
