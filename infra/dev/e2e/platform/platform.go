// Package platform starts the real platform for a test and plays on it as clients
// do: package stack with the finished binaries, a database of the test's own, players
// over HTTP and the crowd that keeps betting while something breaks.
//
// What goes wrong while it starts fails the test. Everything ends with the test.
package platform

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/repository"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// Patience bounds every wait on a busy machine.
const Patience = 30 * time.Second

// Platform is a running stack. Its methods may be called concurrently, those that take
// a test from its goroutine alone.
type Platform struct {
	*stack.Stack
	// Database is the one of this platform; nil when the stack runs a PostgreSQL.
	Database *pgtest.Database
	dir      string
}

// Start starts the platform on a fresh database and a random port and stops it with
// the test. opts may name another DatabaseURL with its DirectURL.
func Start(t testing.TB, opts stack.Options) *Platform {
	t.Helper()
	p := &Platform{}
	if opts.DatabaseURL == "" {
		p.Database = pgtest.New(t)
		opts.DatabaseURL, opts.DirectURL = p.Database.URL, p.Database.DirectURL
	}
	opts.Bin = Binaries(t)
	opts.Progress, opts.Logs = t.Output(), t.Output()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	p.dir = opts.Dir
	ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
	defer cancel()
	s, err := stack.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	p.Stack = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop the platform: %v", err)
		}
	})
	return p
}

// Binaries is the folder with the deployables and the command vegas, built from the
// sources as they are. Test binaries that run at the same time share it.
func Binaries(t testing.TB) string {
	t.Helper()
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var build = sync.OnceValues(func() (string, error) {
	root, err := repository.Root()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, ".cache", "e2e")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return "", fmt.Errorf("build the platform: %w", err)
	}
	lock, err := os.Open(bin)
	if err != nil {
		return "", fmt.Errorf("build the platform: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("build the platform: %w", err)
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/",
		"./services/realtime", "./services/actions", "./services/events", "./jobs/migrate", "./jobs/sweep", "./infra/dev/cmd/vegas")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the platform: %w\n%s", err, out)
	}
	return bin, stack.BuildCheck(context.Background(), root, bin)
})

// Await polls until met says true, and fails the test after Patience. It returns how
// long that took.
func Await(t testing.TB, what string, met func() bool) time.Duration {
	t.Helper()
	return AwaitWithin(t, Patience, what, met)
}

// AwaitWithin is Await with another limit.
func AwaitWithin(t testing.TB, limit time.Duration, what string, met func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !met() {
		if time.Since(began) > limit {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
	return time.Since(began)
}
