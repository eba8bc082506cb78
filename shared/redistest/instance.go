package redistest

import (
	"context"
	"testing"

	"github.com/vegascore/vegascore/shared/localredis"
)

// Instance is a redis-server of one test's own, which the test may kill and freeze.
// Its methods fail the test on an error and are for one goroutine at a time.
type Instance struct {
	// URL and Addr (host:port) stay the same over Kill and Start.
	URL, Addr string

	t      testing.TB
	server *localredis.Server
	down   bool // killed or frozen
	frozen bool
}

// Server starts a redis-server for t alone, without persistence, and ends it with t.
// settings, at most one map, are redis.conf directives.
func Server(t testing.TB, settings ...map[string]string) *Instance {
	t.Helper()
	opts := localredis.Options{Dir: t.TempDir()}
	if len(settings) > 0 {
		opts.Settings = settings[0]
	}
	return launch(t, opts)
}

func launch(t testing.TB, opts localredis.Options) *Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := localredis.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	i := &Instance{URL: server.URL(), Addr: server.Addr(), t: t, server: server}
	t.Cleanup(i.Kill)
	return i
}

// Pid is the process id.
func (i *Instance) Pid() int { return i.server.Pid() }

// Kill ends the process at once and loses its data.
func (i *Instance) Kill() { i.t.Helper(); i.down, i.frozen = true, false; i.check(i.server.Kill()) }

// Stop freezes the process (SIGSTOP): connections stay open, nobody answers.
func (i *Instance) Stop() { i.t.Helper(); i.down, i.frozen = true, true; i.check(i.server.Freeze()) }

// Cont lets a stopped process go on (SIGCONT).
func (i *Instance) Cont() { i.t.Helper(); i.down, i.frozen = false, false; i.check(i.server.Thaw()) }

// Start starts a killed server again, empty, on its port.
func (i *Instance) Start() {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	i.check(i.server.Start(ctx))
	i.down = false
}

func (i *Instance) check(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Error(err)
	}
}
