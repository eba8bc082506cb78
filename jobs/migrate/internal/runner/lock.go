package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// lockKey is the advisory lock of all runners: "vegasmig" in ASCII.
const lockKey int64 = 0x76656761736d6967

const (
	lockPoll  = 200 * time.Millisecond // about how often the lock is asked for
	firstStep = 50 * time.Millisecond  // pause after the first lock timeout; grows
	lastStep  = 2 * time.Second
)

// lock gets the lock of the database for this session, or ErrLockWait.
func (r *run) lock(ctx context.Context) error {
	deadline := time.Now().Add(r.config.LockWait)
	for told := false; ; {
		var got bool
		if err := r.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey).Scan(&got); err != nil {
			return fmt.Errorf("take the migration lock: %w", err)
		}
		if got {
			return nil
		}
		if !told {
			told = true
			r.logger.InfoContext(ctx, "waiting for another runner", "at_most_s", int(r.config.LockWait.Seconds()))
		}
		pause := lockPoll/2 + rand.N(lockPoll)
		if time.Now().Add(pause).After(deadline) {
			return fmt.Errorf("%w: waited %s", ErrLockWait, r.config.LockWait)
		}
		if err := wait(ctx, pause); err != nil {
			return fmt.Errorf("take the migration lock: %w", err)
		}
	}
}

// steadily runs f until it gets its tables: after a lock timeout or a deadlock it
// steps back for a random while, so that the players who queued behind it get
// their turn. It returns how often it had to.
func (r *run) steadily(ctx context.Context, f func() error) (retries int, err error) {
	deadline := time.Now().Add(r.config.RetryFor)
	for step := firstStep; ; step = min(step*2, lastStep) {
		err := f()
		if err == nil || !inTheWay(err) {
			return retries, err
		}
		pause := step/2 + rand.N(step)
		if time.Now().Add(pause).After(deadline) {
			return retries, fmt.Errorf("%w (tried %d times in %s)", err, retries+1, r.config.RetryFor)
		}
		if err := wait(ctx, pause); err != nil {
			return retries, err
		}
		retries++
	}
}

// inTheWay reports whether others held what the statement wanted: lock_timeout
// (55P03) or a deadlock (40P01).
func inTheWay(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
