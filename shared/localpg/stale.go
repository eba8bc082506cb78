package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrRunning says that a server runs on the data folder already.
var ErrRunning = errors.New("a PostgreSQL server runs on this folder already")

// leftoverWait is how long the processes of a server that was killed, or whose
// parent was, get to end. Those of a killed postmaster notice within a second; one
// that shuts down writes its data out first.
const leftoverWait = 10 * time.Second

// clearStale makes a data folder startable after its postmaster was killed.
// postmaster.pid is removed only once nobody works in the folder: PostgreSQL itself
// would stop at a file whose id some other program has taken meanwhile, and
// removing it while an old backend lives would let two servers write one folder.
func clearStale(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if !holdersKnown {
		return nil
	}
	first, _, _ := strings.Cut(string(b), "\n")
	postmaster, _ := strconv.Atoi(strings.TrimSpace(first)) // 0 matches nobody
	ctx, cancel := context.WithTimeout(ctx, leftoverWait)
	defer cancel()
	for {
		pids, err := holders(data)
		if err != nil {
			return fmt.Errorf("look for users of %s: %w", data, err)
		}
		if len(pids) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			if slices.Contains(pids, postmaster) {
				return fmt.Errorf("%w: process %d, folder %s", ErrRunning, postmaster, data)
			}
			return fmt.Errorf("processes %v of a killed server still work in %s", pids, data)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the stale %s: %w", file, err)
	}
	return nil
}

// Remove removes a cluster's folder once nobody works in it: a server that was just
// killed gets a moment to end. A missing folder is no error.
func Remove(ctx context.Context, dir string) error {
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); err == nil {
		if err := clearStale(ctx, data); err != nil {
			return fmt.Errorf("remove the cluster: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the cluster: %w", err)
	}
	return nil
}
