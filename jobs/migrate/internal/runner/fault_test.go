package runner

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// slow is what the child process applies. It hangs where table pause says.
var slow = set(
	on+"CREATE TABLE pause (at text); INSERT INTO pause VALUES ('tx'), ('data'); CREATE TABLE log (n int); CREATE TABLE rounds (id int);",
	on+"CREATE TABLE half (); INSERT INTO log VALUES (2); SELECT pg_sleep(600) FROM pause WHERE at = 'tx'; INSERT INTO log VALUES (22);",
	off+"CREATE INDEX CONCURRENTLY rounds_id ON rounds (id);\nCREATE INDEX CONCURRENTLY rounds_id2 ON rounds (id);",
	"-- phase: data\n-- tx: off\nUPDATE rounds SET id = 1 WHERE id = 0;\nDO $$ BEGIN PERFORM pg_sleep(600) FROM pause WHERE at = 'data'; END $$;",
)

// child starts a runner of slow as a process.
func child(t *testing.T, url string) (kill func(), wait func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end := func(expected bool, f func()) func() {
		return func() {
			once.Do(func() {
				f()
				if err := cmd.Wait(); err != nil && expected {
					t.Errorf("child: %v: %s", err, out.String())
				}
			})
		}
	}
	kill = end(false, func() { _ = cmd.Process.Kill() })
	t.Cleanup(kill)
	return kill, end(true, func() {})
}

// TestARunnerKilledAnywhereIsFinishedByTheNext kills runners in the middle of a
// transaction, of an index, and of a data migration. The next run needs nobody's
// help, and waits only until the server has noticed.
func TestARunnerKilledAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	conn := dial(t, database.AdminURL)
	const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

	kill, _ := child(t, database.DirectURL)
	eventually(t, conn, sleeping, "1")
	kill()

	execute(t, conn, "DELETE FROM pause WHERE at = 'tx'")
	// The index waits for this transaction.
	writer := dial(t, database.DirectURL)
	execute(t, writer, "BEGIN; INSERT INTO rounds VALUES (0)")
	kill, _ = child(t, database.DirectURL)
	eventually(t, conn, "SELECT string_agg(indexrelid::regclass || ':' || indisvalid, ',') FROM pg_index WHERE indrelid = to_regclass('rounds')", "rounds_id:false")
	kill()
	eventually(t, conn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", "0")
	execute(t, writer, "COMMIT")

	kill, _ = child(t, database.DirectURL)
	eventually(t, conn, sleeping, "1")
	kill()
	execute(t, conn, "DELETE FROM pause")

	began := time.Now()
	if diff := cmp.Diff([]int{4}, up(t, database.DirectURL, slow)); diff != "" {
		t.Error(diff)
	}
	t.Logf("the last run took %s", time.Since(began))
	for sql, want := range map[string]string{
		"SELECT string_agg(n::text, ',' ORDER BY n) FROM log": "2,22",
		"SELECT string_agg(indexrelid::regclass || ':' || indisvalid, ',' ORDER BY indexrelid) FROM pg_index WHERE indrelid = 'rounds'::regclass": "rounds_id:true,rounds_id2:true",
		"SELECT count(*) FROM schema_migrations WHERE finished_at IS NOT NULL":                                                                    "4",
		"SELECT id FROM rounds": "1",
	} {
		if got := text(t, conn, sql); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}

func TestARunnerKilledWhileOthersWait(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	conn := dial(t, database.AdminURL)
	kill, _ := child(t, database.DirectURL)
	eventually(t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'", "1")
	_, wait := child(t, database.DirectURL)
	_, wait2 := child(t, database.DirectURL)
	eventually(t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vegascore migrate'", "3")
	execute(t, conn, "DELETE FROM pause")
	kill()
	wait()
	wait2()
	if got := text(t, conn, "SELECT string_agg(n::text, ',' ORDER BY n) FROM log"); got != "2,22" {
		t.Errorf("got %s", got)
	}
}

func TestABrokenIndexIsBuiltAnew(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	conn := dial(t, url)
	files := set(on+"CREATE TABLE a (n int); INSERT INTO a VALUES (1), (1)", off+"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n)")
	_, _, err := Up(context.Background(), patient(url), files, migrations.Bootstrap, quiet)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23505" {
		t.Fatalf("got %v", err)
	}
	const index = "SELECT string_agg(indexrelid::regclass || ':' || indisvalid, ',') FROM pg_index WHERE indrelid = 'a'::regclass"
	if got := text(t, conn, index); got != "a_n:false" {
		t.Fatalf("got %s: no broken index to mend", got)
	}
	execute(t, conn, "DELETE FROM a")
	up(t, url, files)
	if got := text(t, conn, index); got != "a_n:true" {
		t.Errorf("got %s", got)
	}
}

func TestAnIndexBuiltBeforeTheRecordIsKept(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	conn := dial(t, url)
	files := set(on+"CREATE TABLE a (n int)", off+"CREATE INDEX CONCURRENTLY a_n ON a (n)")
	up(t, url, files)
	oid := text(t, conn, "SELECT 'a_n'::regclass::oid")
	execute(t, conn, "UPDATE schema_migrations SET finished_at = NULL WHERE version = 2")
	if got := up(t, url, files); len(got) != 1 || text(t, conn, "SELECT 'a_n'::regclass::oid") != oid {
		t.Errorf("applied %v; the index was built again", got)
	}
	// An index of somebody else is not taken for ours.
	execute(t, conn, "DELETE FROM schema_migrations WHERE version = 2")
	var pg *pgconn.PgError
	if _, _, err := Up(context.Background(), patient(url), files, migrations.Bootstrap, quiet); !errors.As(err, &pg) || pg.Code != "42P07" {
		t.Errorf("got %v", err)
	}
}
