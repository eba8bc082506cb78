package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxAttempts bounds the runs of one transaction.
	maxAttempts = 6
	// firstPause is the longest pause before the second run; it doubles with each.
	firstPause = 5 * time.Millisecond
	// rollbackTimeout is how long a broken transaction may still hold its connection.
	rollbackTimeout = time.Second
)

// InTx runs fn in a read committed transaction and commits it when fn returns
// nil. On a serialization failure, a deadlock, or a connection that broke before
// COMMIT was sent, everything is rolled back and fn runs again after a random
// pause, so fn must keep its results to itself until it succeeds. An error of fn
// is returned, wrapped at most.
//
// The whole call ends within Config.TxTimeout. When the connection breaks during
// COMMIT the error is ErrUnknownOutcome and nothing is repeated here.
func (db *DB) InTx(ctx context.Context, fn func(pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, db.config.TxTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := db.once(ctx, fn)
		if err == nil || attempt == maxAttempts || !again(err) {
			return err
		}
		pause := rand.N(firstPause << (attempt - 1))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// once is one run of a transaction.
func (db *DB) once(ctx context.Context, fn func(pgx.Tx) error) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	tx, err := conn.BeginTx(ctx, db.txOptions())
	if err != nil {
		return &lostError{fmt.Errorf("begin: %w", err)}
	}
	defer rollback(ctx, tx) // a no-op after the commit; also runs on a panic of fn
	if err := fn(tx); err != nil {
		if conn.Conn().IsClosed() {
			return &lostError{err} // COMMIT was never sent
		}
		return err
	}
	err = tx.Commit(ctx)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && !serverAway(pg.Code), errors.Is(err, pgx.ErrTxCommitRollback), errors.Is(err, pgx.ErrTxClosed), pgconn.SafeToRetry(err):
		return fmt.Errorf("commit: %w", err) // it did not happen
	}
	return fmt.Errorf("commit: %w: %w", ErrUnknownOutcome, err)
}

// txOptions carries the timeouts into the transaction where the session cannot,
// in the same round trip as BEGIN.
func (db *DB) txOptions() pgx.TxOptions {
	if !db.Pooled() {
		return pgx.TxOptions{}
	}
	var b strings.Builder
	b.WriteString("BEGIN")
	for name, d := range db.timeouts() {
		fmt.Fprintf(&b, "; SET LOCAL %s = %d", name, d.Milliseconds())
	}
	return pgx.TxOptions{BeginQuery: b.String()}
}

// rollback ends tx even when ctx is over. A connection that does not answer is
// closed by the deadline, and the server rolls back by itself.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	tx.Rollback(ctx)
}

// lostError marks a transaction that broke before COMMIT was sent.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// again reports whether the transaction surely left nothing behind and may run
// once more.
func again(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if retryable(pg.Code) {
			return true
		}
		if !serverAway(pg.Code) {
			return false
		}
	}
	var broken *lostError
	return errors.As(err, &broken)
}
