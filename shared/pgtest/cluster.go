package pgtest

import (
	"context"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/vegascore/vegascore/shared/localpg"
)

// Cluster is a server of one test's own, which the test may stop and kill. It syncs
// its files as a production server does. Its methods fail the test on an error and
// are for one goroutine at a time.
type Cluster struct {
	t      testing.TB
	server *localpg.Server
	opts   localpg.Options
}

// Server starts a server for t alone, kills it at the end of t and removes it. settings, at most one map,
// are added to the server's own.
func Server(t testing.TB, settings ...map[string]string) *Cluster {
	t.Helper()
	opts := localpg.Options{Dir: t.TempDir(), Trust: true}
	if len(settings) > 0 {
		opts.Settings = settings[0]
	}
	return start(t, opts)
}

func start(t testing.TB, opts localpg.Options) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := localpg.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, server: server, opts: opts}
	t.Cleanup(c.Kill)
	return c
}

// Twin shuts the server down, copies everything that it has and starts both: the twin, on
// a port of its own, is what a standby without arrears is when it becomes the server.
// Databases of the one are found at the twin with On.
func (c *Cluster) Twin(t testing.TB) *Cluster {
	t.Helper()
	c.Stop()
	opts := c.opts
	opts.Dir = filepath.Join(t.TempDir(), "twin")
	if said, err := exec.Command("cp", "-a", c.opts.Dir, opts.Dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the cluster: %v: %s", err, said)
	}
	c.Start()
	return start(t, opts)
}

// On is a database of another cluster where this one has its copy.
func (c *Cluster) On(d *Database) *Database {
	at := *d
	for _, address := range []*string{&at.URL, &at.DirectURL, &at.AdminURL} {
		u, err := url.Parse(*address)
		if err != nil {
			c.t.Fatal(err)
		}
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.server.Port()))
		*address = u.String()
	}
	return &at
}

// New makes a database on the cluster with all migrations applied.
func (c *Cluster) New(t testing.TB) *Database {
	t.Helper()
	template, err := sharedTemplate(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	return clone(t, c.URL(), template)
}

// Empty makes a database on the cluster without migrations.
func (c *Cluster) Empty(t testing.TB) *Database {
	t.Helper()
	if err := ensureOwner(c.URL()); err != nil {
		t.Fatal(err)
	}
	return clone(t, c.URL(), "template0")
}

// URL is the superuser's URL of the database "postgres".
func (c *Cluster) URL() string { return c.server.URL("postgres") }

// Pid is the process id of the postmaster.
func (c *Cluster) Pid() int { return c.server.Pid() }

// Start starts the server again, on its port.
func (c *Cluster) Start() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.server.Start(ctx); err != nil {
		c.t.Fatal(err)
	}
}

// Stop shuts the server down in order; open sessions are cut.
func (c *Cluster) Stop() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.server.Stop(ctx); err != nil {
		c.t.Error(err)
	}
}

// Kill ends the server as kill -9 of the postmaster does, and waits until its last
// process is gone.
func (c *Cluster) Kill() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.server.Kill(ctx); err != nil {
		c.t.Error(err)
	}
}

// Signal sends sig to the postmaster.
func (c *Cluster) Signal(sig syscall.Signal) {
	c.t.Helper()
	if err := c.server.Signal(sig); err != nil {
		c.t.Error(err)
	}
}
