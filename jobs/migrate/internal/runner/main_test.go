package runner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/migrations"
)

// childURL makes the test binary a runner: the process that a test kills.
const childURL = "MIGRATE_TEST_CHILD_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		_, _, err := Up(context.Background(), patient(url), slow, migrations.Bootstrap, quiet)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var quiet = slog.New(slog.DiscardHandler)

func patient(url string) Config {
	return Config{
		URL: url, LockWait: time.Minute, LockTimeout: 50 * time.Millisecond, RetryFor: time.Minute,
		StatementTimeout: time.Minute, BuildTimeout: time.Minute, ConnectTimeout: 30 * time.Second,
	}
}

const (
	on  = "-- phase: expand\n-- tx: on\n"
	off = "-- phase: expand\n-- tx: off\n"
)

// set is a file system of scripts numbered from 1.
func set(scripts ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i, s := range scripts {
		m[fmt.Sprintf("%04d_m.sql", i+1)] = &fstest.MapFile{Data: []byte(s)}
	}
	return m
}

// mixed has all kinds of migrations. log counts how often each one ran.
var mixed = set(
	on+"CREATE TABLE log (n int); CREATE TABLE rounds (id int, day date); INSERT INTO rounds SELECT i, now() FROM generate_series(1, 2000) i; INSERT INTO log VALUES (1);",
	off+"CREATE INDEX CONCURRENTLY rounds_day ON rounds (day);\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Rounds ID\" ON rounds (id);",
	on+"ALTER TABLE rounds ADD COLUMN note text; INSERT INTO log VALUES (3);",
	"-- phase: data\n-- tx: off\nUPDATE rounds SET note = '' WHERE note IS NULL;\nVACUUM rounds;",
	on+"INSERT INTO log VALUES (5);",
)

// up runs the migrations and expects no error; it returns the versions applied.
func up(t testing.TB, url string, files fstest.MapFS) []int {
	t.Helper()
	_, done, err := Up(context.Background(), patient(url), files, migrations.Bootstrap, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return versions(done)
}

func versions(done []Done) []int {
	var all []int
	for _, d := range done {
		all = append(all, d.Script.Version)
	}
	return all
}

// dial opens a connection for the length of the test.
func dial(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// text is the one value of a query, as text.
func text(t testing.TB, conn *pgx.Conn, sql string) string {
	t.Helper()
	var s *string
	if err := conn.QueryRow(context.Background(), "SELECT ("+sql+")::text").Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if s == nil {
		return ""
	}
	return *s
}

// sound checks that each migration of mixed was applied once.
func sound(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	for sql, want := range map[string]string{
		"SELECT string_agg(n::text, ',' ORDER BY n) FROM log":                                                                                                           "1,3,5",
		"SELECT string_agg(version::text, ',' ORDER BY version) FROM schema_migrations WHERE finished_at IS NOT NULL":                                                   "1,2,3,4,5",
		"SELECT string_agg(indexrelid::regclass::text || ':' || indisvalid, ',' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 'rounds'::regclass": `"Rounds ID":true,rounds_day:true`,
		"SELECT count(*) FROM rounds WHERE note = ''":                                                                                                                   "2000",
	} {
		if got := text(t, conn, sql); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}

// eventually polls a query until it gives want.
func eventually(t testing.TB, conn *pgx.Conn, sql, want string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		got := text(t, conn, sql)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %s, want %s", strings.TrimSpace(sql), got, want)
		}
	}
}
