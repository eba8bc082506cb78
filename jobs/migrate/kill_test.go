package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// later are migrations of all kinds, which come after the released ones. tally counts how
// often each one ran. %04d is the number of the last released one.
var later = []string{
	"-- phase: expand\n-- tx: on\nCREATE TABLE tally (n int); INSERT INTO tally VALUES (1); CREATE TABLE hands (id int, spare int); INSERT INTO hands SELECT i FROM generate_series(1, 2000) i;\n",
	"-- phase: expand\n-- tx: off\nCREATE INDEX CONCURRENTLY hands_spare ON hands (spare);\nCREATE UNIQUE INDEX CONCURRENTLY hands_id ON hands (id);\n",
	"-- phase: expand\n-- tx: on\nALTER TABLE hands ADD COLUMN note text; INSERT INTO tally VALUES (3);\n",
	"-- phase: data\n-- tx: off\nUPDATE hands SET note = '' WHERE note IS NULL;\nVACUUM hands;\n",
	"-- phase: contract\n-- tx: on\n-- code: %04d\nALTER TABLE hands DROP COLUMN spare; INSERT INTO tally VALUES (5);\n",
}

// build makes the command itself, with later embedded after the released migrations.
func build(t *testing.T) string {
	t.Helper()
	released, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	there, err := filepath.Abs("../../migrations")
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]string{}
	for i, sql := range later {
		if strings.Contains(sql, "%") {
			sql = fmt.Sprintf(sql, len(released))
		}
		name := fmt.Sprintf("%04d_later.sql", len(released)+i+1)
		overlay[filepath.Join(there, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "migrate")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", file, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// process is one run of the command.
type process struct {
	cmd      *exec.Cmd
	out, log bytes.Buffer
}

func migrate(binary, url string) *process {
	p := &process{cmd: exec.Command(binary, "-json", "up")}
	p.cmd.Env = []string{"DIRECT_URL=" + url, "HOME=" + os.TempDir(), "MIGRATE_CONNECT_TIMEOUT=1m", "MIGRATE_STATEMENT_TIMEOUT=2m"}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.log
	return p
}

// finish runs to the end and returns how many migrations were applied.
func (p *process) finish(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Run(); err != nil {
		t.Errorf("%v: %s%s", err, p.out.String(), p.log.String())
	}
	return strings.Count(p.out.String(), `"state": "done"`)
}

// fingerprint is what migrations leave behind.
const fingerprint = `
SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT 'tally ' || n FROM tally
	UNION ALL SELECT 'hands ' || count(*) || ' ' || count(note) FROM hands
	UNION ALL SELECT 'code ' || min_code_version FROM schema_compatibility
	UNION ALL SELECT concat_ws(' ', 'migration', version, name, sha256, phase, finished_at IS NOT NULL) FROM schema_migrations
	UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull)
	  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
	UNION ALL SELECT concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready)
	  FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
	UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
	UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, convalidated) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
) AS lines (line)`

func left(t *testing.T, url string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var lines string
	if err := conn.QueryRow(ctx, fingerprint).Scan(&lines); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestAKilledProcessIsFinishedByAPlainRerun kills the command with SIGKILL before, during
// and after its requests to the server: 20 kills spread over a whole run, and every one
// with VEGAS_SOAK. The database is then as after a run that nobody disturbed.
func TestAKilledProcessIsFinishedByAPlainRerun(t *testing.T) {
	t.Parallel()
	binary := build(t)
	whole := pgtest.Empty(t).DirectURL
	calm := &proxy{}
	applied := migrate(binary, through(t, whole, calm)).finish(t)
	requests := calm.close()
	want := left(t, whole)
	if !strings.Contains(want, "tally 5") || requests < 60 {
		t.Fatalf("%d requests, %d applied:\n%s", requests, applied, want)
	}
	kills := 20
	if os.Getenv("VEGAS_SOAK") != "" {
		kills = requests * int(moments)
	}
	began := time.Now()
	for i := range kills {
		url := pgtest.Empty(t).DirectURL
		started := make(chan *os.Process, 1)
		p := &proxy{at: 1 + i*requests/kills, moment: moment(i) % moments, kill: func() { _ = (<-started).Kill() }}
		victim := migrate(binary, through(t, url, p))
		if err := victim.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started <- victim.cmd.Process
		if err := victim.cmd.Wait(); err == nil && p.at < requests {
			t.Errorf("%s request %d of %d: not killed", p.moment, p.at, requests)
		}
		p.close()
		migrate(binary, url).finish(t)
		if diff := cmp.Diff(want, left(t, url)); diff != "" {
			t.Errorf("killed %s request %d of %d: %s", p.moment, p.at, requests, diff)
		}
	}
	t.Logf("%d kills over %d requests, all finished, in %s", kills, requests, time.Since(began).Round(time.Millisecond))
}

// TestEightProcessesApplyEachMigrationOnce starts the command eight times at once.
func TestEightProcessesApplyEachMigrationOnce(t *testing.T) {
	t.Parallel()
	binary := build(t)
	url := pgtest.Empty(t).DirectURL
	applied := make([]int, 8)
	var wg sync.WaitGroup
	for i := range applied {
		wg.Go(func() { applied[i] = migrate(binary, url).finish(t) }) // until its process ends
	}
	wg.Wait()
	alone := pgtest.Empty(t).DirectURL
	want, sum := migrate(binary, alone).finish(t), 0
	for _, n := range applied {
		sum += n
	}
	if sum != want || want < len(later) {
		t.Errorf("applied %v, together %d, want %d", applied, sum, want)
	}
	if diff := cmp.Diff(left(t, alone), left(t, url)); diff != "" {
		t.Error(diff)
	}
}
