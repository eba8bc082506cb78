package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// Floor is a database and the containers of the actions service before it. Its methods
// are for the test's goroutine, but for Address.
type Floor struct {
	Database   *pgtest.Database
	Containers []*Container

	t      testing.TB
	server *pgtest.Cluster // nil on the server that tests share
}

// Open starts a PostgreSQL of the test's own, which can be killed and syncs its files, and
// n containers.
func Open(t testing.TB, n int) *Floor {
	t.Helper()
	server := pgtest.Server(t, map[string]string{"shared_buffers": "64MB", "max_wal_size": "1GB"})
	f := OpenOn(t, server.New(t), n)
	f.server = server
	return f
}

// OpenOn starts n containers on a database that stays.
func OpenOn(t testing.TB, db *pgtest.Database, n int) *Floor {
	t.Helper()
	key, _, err := auth.GenerateKey("chaos")
	if err != nil {
		t.Fatal(err)
	}
	f := &Floor{t: t, Database: db}
	for range n {
		port, err := child.Port()
		if err != nil {
			t.Fatal(err)
		}
		c := &Container{
			URL: "http://127.0.0.1:" + strconv.Itoa(port), binary: filepath.Join(platform.Binaries(t), "actions"),
			env: []string{
				"PORT=" + strconv.Itoa(port), "LOCAL_ONLY=true", "DATABASE_URL=" + db.URL, "MAX_INSTANCES=" + strconv.Itoa(n),
				"TOKEN_SIGNING_KEY=" + string(key), "GOOGLE_CLOUD_PROJECT=chaos", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", // the Ear hears the events
				"LOG_LEVEL=ERROR", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
			},
		}
		c.start(t)
		t.Cleanup(func() { c.kill(t) })
		f.Containers = append(f.Containers, c)
	}
	for _, c := range f.Containers {
		platform.Await(t, "a container is ready", func() bool { return c.ready(t) })
	}
	return f
}

// Address is a container, any of them.
func (f *Floor) Address() string { return f.Containers[rand.IntN(len(f.Containers))].URL }

// KillContainer ends a container as kill -9 does and starts it again.
func (f *Floor) KillContainer() {
	c := f.Containers[rand.IntN(len(f.Containers))]
	c.kill(f.t)
	c.start(f.t)
}

// KillPostmaster ends PostgreSQL as kill -9 of its postmaster does and starts it again.
func (f *Floor) KillPostmaster() {
	f.t.Helper()
	f.server.Kill()
	f.server.Start()
}

// KillBackend ends one session of the service as kill -9 of its process does, on which
// PostgreSQL ends all of them and recovers. Without a session it kills nobody.
func (f *Floor) KillBackend() {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), f.Database.AdminURL)
	if err != nil {
		return // it recovers from the last one
	}
	defer func() { _ = conn.Close(f.t.Context()) }() // it may have ended with the others
	var pid int
	const any = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'actions' ORDER BY random() LIMIT 1`
	if err := conn.QueryRow(f.t.Context(), any).Scan(&pid); err != nil {
		return
	}
	// It must be a child of the very server that this floor has started.
	if parent(pid) == f.server.Pid() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
	}
}

// awaitDatabase waits until PostgreSQL takes sessions: the last strike may have been a
// moment ago.
func (f *Floor) awaitDatabase(t testing.TB) {
	t.Helper()
	platform.Await(t, "PostgreSQL", func() bool {
		conn, err := pgx.Connect(context.Background(), f.Database.AdminURL)
		if err == nil {
			_ = conn.Close(context.Background())
		}
		return err == nil
	})
}

// parent is the parent of a process, 0 if that is not known.
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The program's name, in brackets, can hold anything (proc(5)).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	n, _ := strconv.Atoi(fields[1])
	return n
}

// Container is a process of the actions service at a fixed address.
type Container struct {
	URL string

	binary  string
	env     []string
	process *child.Process
}

func (c *Container) start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(c.binary)
	cmd.Env, cmd.Stderr, cmd.WaitDelay = c.env, t.Output(), 2*time.Second
	var err error
	if c.process, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func (c *Container) kill(t testing.TB) {
	t.Helper()
	if err := c.process.Kill(); err != nil {
		t.Error(err)
	}
}

func (c *Container) ready(t testing.TB) bool {
	t.Helper()
	if c.process.Ended() {
		t.Fatalf("a container has ended: %v", c.process.Err())
	}
	return alive(c.URL + "/ready")
}
