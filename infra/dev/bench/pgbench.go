package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgbenchProgram finds pgbench on the PATH or beside PostgreSQL's server binaries.
func pgbenchProgram() (string, error) {
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if dir := os.Getenv("VEGAS_PG_BIN"); dir != "" {
		found = append(found, filepath.Join(dir, "pgbench"))
	}
	if err != nil || len(found) == 0 {
		return "", errors.New("no pgbench found: run `apt-get install -y postgresql-contrib` or name its folder in VEGAS_PG_BIN")
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// pgbench is the peer of bets over HTTP: the statements of a bet from C.
type pgbench struct {
	program, script, url string
	mode                 string // of its protocol: prepared, or extended
	clients              int
	last                 int64 // run number: the script makes its ids from it
}

// newPgbench fills the database for the script, with a service's rights.
func (b *bench) newPgbench(ctx context.Context, url string) (*pgbench, error) {
	program, err := pgbenchProgram()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(b.Root, "services/actions/internal/play/bench")
	setup, err := os.ReadFile(filepath.Join(folder, "setup.sql"))
	if err != nil {
		return nil, fmt.Errorf("prepare pgbench: %w", err)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("prepare pgbench: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, string(setup)); err != nil {
		return nil, fmt.Errorf("prepare pgbench: %w", err)
	}
	return &pgbench{program: program, script: filepath.Join(folder, "bet.sql"), url: url, mode: "prepared", clients: b.clients}, nil
}

var (
	tpsLine    = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial connection time\)`)
	failedLine = regexp.MustCompile(`(?m)^number of failed transactions: ([1-9][0-9]*)`)
)

// run plays bets for d, in whole seconds, and returns bets per second. On a machine so
// busy that not one bet ended, it takes twice as long, a few times.
func (p *pgbench) run(ctx context.Context, d time.Duration) (rate float64, err error) {
	for range 4 {
		if rate, err = p.once(ctx, d); !errors.Is(err, errNoBets) {
			break
		}
		d *= 2
	}
	return rate, err
}

var errNoBets = errors.New("pgbench: no bet ended in time")

func (p *pgbench) once(ctx context.Context, d time.Duration) (float64, error) {
	p.last = max(time.Now().Unix(), p.last+1)
	seconds := max(int(d/time.Second), 1)
	cmd := exec.CommandContext(ctx, p.program, "-n", "-M", p.mode, "-c", strconv.Itoa(p.clients), "-j", "2", "-T", strconv.Itoa(seconds),
		"-D", "run="+strconv.FormatInt(p.last, 10), "-D", "n=0", "-f", p.script, p.url)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, said)
	}
	if failed := failedLine.FindSubmatch(said); failed != nil {
		return 0, fmt.Errorf("pgbench: %s transactions failed\n%s", failed[1], said)
	}
	if strings.Contains(string(said), "actually processed: 0\n") {
		return 0, errNoBets
	}
	tps := tpsLine.FindSubmatch(said)
	if tps == nil {
		return 0, fmt.Errorf("pgbench: no tps in its output\n%s", said)
	}
	return strconv.ParseFloat(string(tps[1]), 64)
}
