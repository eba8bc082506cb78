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

// leftoverWait is how long the processes of a killed postmaster get to notice and
// end. PostgreSQL's own processes do within a second.
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
		if slices.Contains(pids, postmaster) {
			return fmt.Errorf("%w: process %d, folder %s", ErrRunning, postmaster, data)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v of a killed server still work in %s", pids, data)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the stale %s: %w", file, err)
	}
	return nil
}
