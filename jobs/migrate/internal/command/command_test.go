package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const head = "-- phase: expand\n-- tx: on\n"

func set(scripts ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i, s := range scripts {
		m[fmt.Sprintf("%04d_m.sql", i+1)] = &fstest.MapFile{Data: []byte(s)}
	}
	return m
}

// call runs one command line, separated by spaces.
func call(t testing.TB, url string, files fstest.MapFS, line string, environ ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = Run(context.Background(), Input{
		Args: strings.Fields(line), Environ: append(environ, "DIRECT_URL="+url), Stdout: &out, Stderr: &log,
		Files: files, Bootstrap: migrations.Bootstrap,
	})
	return code, out.String(), log.String()
}

func TestExitCodesTellWhatHappened(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	url := database.DirectURL
	one, two := set(head+"CREATE TABLE a ()"), set(head+"CREATE TABLE a ()", head+"CREATE TABLE b ()")
	for _, step := range []struct {
		name  string
		url   string
		files fstest.MapFS
		line  string
		env   string
		code  int
		want  string // on either output
	}{
		{"help", url, one, "-h", "", OK, "usage: migrate"},
		{"status of a new database", url, one, "status", "", Behind, "pending"},
		{"plan", url, one, "plan", "", OK, "0001  m  expand  pending"},
		{"up without a word", url, one, "", "", OK, "at version 0001: the database is current"},
		{"up again", url, one, "up", "MIGRATE_LOCK_WAIT=", OK, "applied"},
		{"status when current", url, one, "status", "", OK, "current"},
		{"status when behind", url, two, "-json status", "", Behind, `"state": "pending"`},
		{"up to two", url, two, "up -json", "", OK, `"state": "done"`},
		{"ahead", url, one, "up", "", OK, "ahead of this release"},
		{"edited", url, set(head + "CREATE TABLE c ()"), "up", "", Refused, "never edited"},
		{"malformed", url, set("CREATE TABLE c ()"), "up", "", Refused, "-- phase"},
		{"pooled", bouncer.Start(t, url, 1), two, "up", "", Refused, "pooler"},
		{"failing", url, set(head+"CREATE TABLE a ()", head+"CREATE TABLE b ()", head+"SELECT 1/0"), "up", "", Failed, "division by zero"},
		{"no server", "postgres://127.0.0.1:1/x", one, "up", "", Failed, "connect"},
		{"no URL", "", one, "up", "", Usage, "DIRECT_URL is not set"},
		{"bad duration", url, one, "up", "MIGRATE_LOCK_WAIT=soon", Usage, "LockWait"},
		{"unknown command", url, one, "down", "", Usage, "usage: migrate"},
		{"two commands", url, one, "up status", "", Usage, "usage: migrate"},
		{"unknown flag", url, one, "-force up", "", Usage, "force"},
	} {
		code, stdout, stderr := call(t, step.url, step.files, step.line, step.env)
		if code != step.code || !strings.Contains(stdout+stderr, step.want) {
			t.Errorf("%s: got %d, want %d with %q:\n%s%s", step.name, code, step.code, step.want, stdout, stderr)
		}
	}
	ctx := context.Background()
	other, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(ctx) }()
	if _, err := other.Exec(ctx, "SELECT pg_advisory_lock(x'76656761736d6967'::bigint)"); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := call(t, url, two, "up", "MIGRATE_LOCK_WAIT=10ms"); code != Waiting || !strings.Contains(stdout, "gave up waiting") {
		t.Errorf("waiting: got %d:\n%s", code, stdout)
	}
}

// A plan says what the gate would refuse, before anything is begun.
func TestAPlanKnowsTheGate(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	one := set(head + "CREATE TABLE a (n int)")
	two := set(head+"CREATE TABLE a (n int)", "-- phase: contract\n-- tx: on\n-- code: 0001\nDROP TABLE a")
	if code, out, _ := call(t, url, one, "up"); code != OK {
		t.Fatal(out)
	}
	for _, c := range []struct {
		line  string
		env   []string
		code  int
		state string
		want  string
	}{
		{"plan -json", nil, OK, "pending", ""},
		{"plan -json", []string{"EXPECT_COMMIT=abc"}, Refused, "refused", "another commit"},
		{"up -json", []string{"EXPECT_COMMIT=abc"}, Refused, "refused", "another commit"},
		{"status -json", []string{"EXPECT_COMMIT=abc"}, Behind, "pending", ""},
		{"up -json", []string{"OLD_CODE_GONE_SINCE=yesterday"}, Usage, "", "OldGone"},
	} {
		code, out, log := call(t, url, two, c.line, c.env...)
		var got report
		if c.state != "" {
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Errorf("%s %v: %v: %s", c.line, c.env, err, out)
			}
		}
		if code != c.code || got.State != c.state || !strings.Contains(got.Error+log, c.want) {
			t.Errorf("%s %v: %d, %+v %s", c.line, c.env, code, got, log)
		}
	}
	if code, out, _ := call(t, url, two, "up"); code != OK || !strings.Contains(out, "at version 0002: the database is current; the schema serves code from 0001 on") {
		t.Errorf("by hand: %d %s", code, out)
	}
	if code, out, _ := call(t, url, set("no header"), "lint"); code != Refused {
		t.Errorf("lint of a malformed file: %d %s", code, out)
	}
}

func TestTheReportIsJSON(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	files := set(head+"CREATE TABLE a (n int)", "-- phase: contract\n-- tx: off\n-- code: 0001\nCREATE INDEX CONCURRENTLY i ON a (n)", head+"SELECT 1/0")
	code, stdout, stderr := call(t, url, files, "up -json")
	var got report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != Failed {
		t.Fatalf("%d, %v: %s", code, err, stdout)
	}
	for i := range got.Migrations {
		got.Migrations[i].TookMS = 0
	}
	yes, no := true, false
	want := report{
		Command: "up", State: "failed", Version: 2, MinCode: 1, Error: "apply 0003_m: ERROR: division by zero (SQLSTATE 22012)",
		Migrations: []migration{
			{Version: 1, Name: "m", Phase: "expand", State: "done", Tx: &yes},
			{Version: 2, Name: "m", Phase: "contract", State: "done", Tx: &no},
			{Version: 3, Name: "m", Phase: "expand", State: "pending", Tx: &yes},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(stderr) {
		var entry struct{ Severity, Message string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Severity == "" || entry.Message == "" {
			t.Errorf("log line %s: %v", line, err)
		}
	}
}

func TestACancelledRunRollsBack(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	ctx, cancel := context.WithCancel(context.Background())
	files := set(head+"CREATE TABLE a ()", head+"CREATE TABLE b (); SELECT pg_sleep(600)")
	code := make(chan int, 1)
	var out bytes.Buffer
	go func() { // until the run is cancelled
		code <- Run(ctx, Input{Environ: []string{"DIRECT_URL=" + url}, Stdout: &out, Stderr: &bytes.Buffer{}, Files: files, Bootstrap: migrations.Bootstrap})
	}()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for sleeping := false; !sleeping; {
		if err := conn.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep')`).Scan(&sleeping); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if got := <-code; got != Failed || !strings.Contains(out.String(), "at version 0001: failed") {
		t.Errorf("got %d: %s", got, out.String())
	}
	if got, stdout, _ := call(t, url, set(head+"CREATE TABLE a ()", head+"CREATE TABLE b ()"), "up"); got != OK {
		t.Errorf("the next run: %d: %s", got, stdout)
	}
}

func TestLintSaysWhatIsUnsafe(t *testing.T) {
	t.Parallel()
	fine := set(head+"CREATE TABLE a (n int)", head+"ALTER TABLE a ADD COLUMN m int")
	unsafe := set(head+"CREATE TABLE a (n int)", head+"ALTER TABLE a ALTER COLUMN n TYPE bigint")
	if code, out, log := call(t, pgtest.Empty(t).AdminURL, fine, "lint"); code != OK || out != "" {
		t.Errorf("safe: %d %s%s", code, out, log)
	}
	if code, out, _ := call(t, pgtest.Empty(t).AdminURL, unsafe, "lint"); code != Unsafe || !strings.Contains(out, "0002_m: a: rewrites the table") {
		t.Errorf("unsafe: %d %s", code, out)
	}
	database := pgtest.Empty(t)
	code, out, _ := call(t, database.AdminURL, unsafe, "-json lint")
	var report struct{ Findings []struct{ Version int } }
	if err := json.Unmarshal([]byte(out), &report); code != Unsafe || err != nil || len(report.Findings) == 0 || report.Findings[0].Version != 2 {
		t.Errorf("JSON: %d %s, %v", code, out, err)
	}
	if code, _, log := call(t, pgtest.New(t).AdminURL, fine, "lint"); code != Failed || !strings.Contains(log, "not empty") {
		t.Errorf("a used database: %d %s", code, log)
	}
}
