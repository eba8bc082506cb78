// Package playtest starts the whole platform as processes for a test, plays on it as
// a player over HTTP, and asks PostgreSQL afterwards whether everything agrees.
package playtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/stack"
)

// patience bounds every wait. It is far beyond what is expected: the figures that a
// test reports say how long something took.
const patience = 60 * time.Second

// built is a folder with the binaries, for all tests of this process. They watch for
// data races when the test does.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vegas-bin-")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-buildvcs=false", "-o", dir + "/"}
	if race {
		args = append(args, "-race")
	}
	args = append(args, "./services/realtime", "./services/actions", "./services/events", "./jobs/migrate")
	cmd := exec.Command("go", args...)
	if cmd.Dir, err = root(); err != nil {
		return "", err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the services: %w\n%s", err, out)
	}
	return dir, nil
})

// Main runs the tests of a package and removes the binaries. Use it in TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// root is the top of the repository: where go.work is.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find go.work above %s: %w", dir, os.ErrNotExist)
		}
		dir = parent
	}
}

// Binaries is a folder with the services and the migration job.
func Binaries(t testing.TB) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Start brings a platform up for t and ends it with t. What it logs is shown when
// the test fails.
func Start(t testing.TB, opts stack.Options) *stack.Stack {
	t.Helper()
	opts.Bin = Binaries(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	s, err := stack.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop the platform: %v", err)
		}
	})
	return s
}

// Eventually waits until met is true and returns how long that took.
func Eventually(t testing.TB, what string, met func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		if time.Since(start) > patience {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(start)
}

// Times is how often a fault is repeated: once or twice in the daily run, many times
// with VEGAS_SOAK set.
func Times(short, soak int) int {
	if os.Getenv("VEGAS_SOAK") != "" {
		return soak
	}
	return short
}
