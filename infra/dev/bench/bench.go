// Package bench measures the platform next to peers in the same run, because only
// the ratio survives a change of machine: bets over HTTP next to pgbench with the
// same SQL on the same server, the start of each service next to a bare Go server's,
// a pool of one connection next to the chosen size, probes while everything hangs,
// and broadcasts next to a Node socket.io server's.
package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/vegascore/vegascore/infra/dev/repository"
)

// Options of a run.
type Options struct {
	// Root is the repository; looked for upwards when empty.
	Root string
	// Short takes a minute and is good for a look, not for figures.
	Short bool
	// The parts; all when none is set.
	Bets, Growth, Pooler, Prune, Pool, Tracing, Starts, Probes, Fanout, Connections bool
	// Rows is how many ledger rows the large database of Growth has; 200,000 when 0.
	Rows int64
	// Old is how many rows of each kind Prune has to prune; 50,000 when 0.
	Old int64
	// Try are more ways of Bets: as in production, but for NAME=VALUE with spaces between
	// them, variables of the service or, as pg.NAME, settings of PostgreSQL.
	Try []string
	// Profiles is a folder for CPU profiles of the servers of Bets and Fanout. Taking them
	// costs them CPU, so the figures of such a run are not to be compared. None when empty.
	Profiles string
	// Progress tells what happens meanwhile; discarded when nil.
	Progress io.Writer
}

// Result holds the figures of a run; parts that were not chosen are empty.
type Result struct {
	Bets        *Bets         `json:"bets,omitempty"`
	Growth      *Growth       `json:"growth,omitempty"`
	Pooler      *Pooler       `json:"pooler,omitempty"`
	Prune       *Prune        `json:"prune,omitempty"`
	Pools       []Pool        `json:"pools,omitempty"`
	Tracing     []Tracing     `json:"tracing,omitempty"`
	Starts      []Start       `json:"starts,omitempty"`
	Probes      []Probes      `json:"probes,omitempty"`
	Fanout      []Fanout      `json:"fanout,omitempty"`
	Connections []Connections `json:"connections,omitempty"`
}

// bench is a run: its options and how long each part takes.
type bench struct {
	Options
	bin string

	connections           int           // that are held idle
	members               int           // of a room
	fanoutRounds          int           // of each scenario and server
	warmUp, fanoutTime    time.Duration // of each scenario and server
	clients               int           // of pgbench, and of HTTP one by one
	crowd                 int           // clients of HTTP whose bets go together
	rounds                int           // of bets, each over HTTP and with pgbench
	betsWarmUp, roundTime time.Duration
	startAttempts         int
	playersPerClient      int
	poolClients           int // of each size of the pool
	probesAtOnce          int
}

// Run builds what it measures and measures it. It takes some minutes, a first build
// not counted.
func Run(ctx context.Context, opts Options) (*Result, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	if opts.Root == "" {
		root, err := repository.Root()
		if err != nil {
			return nil, err
		}
		opts.Root = root
	}
	parts := []*bool{&opts.Bets, &opts.Growth, &opts.Pooler, &opts.Prune, &opts.Pool, &opts.Tracing, &opts.Starts, &opts.Probes, &opts.Fanout, &opts.Connections}
	if !slices.ContainsFunc(parts, func(chosen *bool) bool { return *chosen }) {
		for _, part := range parts {
			*part = true
		}
	}
	opts.Rows, opts.Old = cmp.Or(opts.Rows, 200_000), cmp.Or(opts.Old, 50_000)
	b := &bench{
		Options: opts, bin: filepath.Join(opts.Root, ".cache", "bench"),
		connections: 5000, members: 1000, fanoutRounds: 3, warmUp: time.Second, fanoutTime: 2500 * time.Millisecond,
		clients: 25, crowd: 200, playersPerClient: 10, rounds: 5, betsWarmUp: 2 * time.Second, roundTime: 4 * time.Second,
		startAttempts: 20, poolClients: 64, probesAtOnce: 500,
	}
	if opts.Short {
		b.connections = 500
		b.members, b.fanoutRounds, b.warmUp, b.fanoutTime = 100, 1, 200*time.Millisecond, 500*time.Millisecond
		b.crowd = 50
		b.playersPerClient, b.rounds, b.betsWarmUp, b.roundTime = 2, 1, 500*time.Millisecond, time.Second
		b.Rows, b.Old = min(b.Rows, 50_000), min(b.Old, 3000)
		b.startAttempts, b.poolClients, b.probesAtOnce = 3, 16, 50
	}
	b.say("building what is measured")
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	return b.run(ctx)
}

func (b *bench) run(ctx context.Context) (*Result, error) {
	var r Result
	var err error
	if b.Connections {
		if r.Connections, err = b.idle(ctx); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Fanout {
		if r.Fanout, err = b.fanout(ctx); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if !b.Bets && !b.Growth && !b.Pooler && !b.Prune && !b.Pool && !b.Tracing && !b.Starts && !b.Probes {
		return &r, nil
	}
	env, err := b.prepare(ctx)
	if err != nil {
		return &r, fmt.Errorf("bench: %w", err)
	}
	defer env.close(context.WithoutCancel(ctx))
	if b.Starts {
		if r.Starts, err = b.starts(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Probes {
		if r.Probes, err = b.probes(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Pool {
		if r.Pools, err = b.pools(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Tracing {
		if r.Tracing, err = b.tracing(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Bets {
		if r.Bets, err = b.bets(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Pooler {
		if r.Pooler, err = b.pooler(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Growth {
		if r.Growth, err = b.growth(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	if b.Prune {
		if r.Prune, err = b.prune(ctx, env); err != nil {
			return &r, fmt.Errorf("bench: %w", err)
		}
	}
	return &r, nil
}

// build compiles the programs; the go command compiles only what changed.
func (b *bench) build(ctx context.Context) error {
	if err := os.MkdirAll(b.bin, 0o755); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", b.bin+"/",
		"./services/realtime", "./services/actions", "./services/events", "./jobs/migrate",
		"./services/realtime/cmd/fanout", "./infra/dev/bench/bare")
	cmd.Dir = b.Root
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

func (b *bench) binary(name string) string { return filepath.Join(b.bin, name) }

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.Progress, format+"\n", args...) }
