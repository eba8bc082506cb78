package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// ErrNoCheckpoint says that there is nothing to go on from: no full pass was made, or
// the database has come from another server since.
var ErrNoCheckpoint = errors.New("ledger has no checkpoint")

// VerifyNew verifies the transfers since the last pass, and compares balances with them:
// those of the accounts that moved, of frozen ones, and of slice others in turn. Its cost
// depends on what happened since the last pass, not on the history. The checkpoint moves
// with the caller's transaction; passes at the same time wait for each other.
//
// What it cannot see is a change of history; VerifyAll does.
func VerifyNew(ctx context.Context, tx pgx.Tx, slice int) (Report, error) {
	var usable bool
	// Without a checkpoint the rest is NULL.
	var accounts, transfers, off, negative, unknown, unsound pgtype.Int8
	r := Report{}
	err := tx.QueryRow(ctx, `SELECT usable, accounts, transfers, off, wrong, negative, unknown, unsound FROM ledger_verify_new($1)`, slice).
		Scan(&usable, &accounts, &transfers, &off, &r.Wrong, &negative, &unknown, &unsound)
	if err == nil && !usable {
		err = ErrNoCheckpoint
	}
	if err != nil {
		return Report{}, fmt.Errorf("verify new transfers: %w", err)
	}
	r.Accounts, r.Transfers, r.Negative, r.Unknown, r.Unsound = accounts.Int64, transfers.Int64, negative.Int64, unknown.Int64, unsound.Int64
	*(*int64)(&r.Sum) = off.Int64
	return r, nil
}

// VerifyAll verifies all transfers and balances and makes the checkpoint anew. It also
// compares the history with what earlier passes have seen of it: Report.Altered.
func VerifyAll(ctx context.Context, tx pgx.Tx) (Report, error) {
	var r Report
	err := tx.QueryRow(ctx, `SELECT accounts, transfers, off, wrong, negative, unknown, unsound, altered FROM ledger_verify_all()`).
		Scan(&r.Accounts, &r.Transfers, (*int64)(&r.Sum), &r.Wrong, &r.Negative, &r.Unknown, &r.Unsound, &r.Altered)
	if err != nil {
		return Report{}, fmt.Errorf("verify all transfers: %w", err)
	}
	return r, nil
}

// FullAge returns how long ago the last full pass was, by the database's clock. ok is
// false when there was none.
func FullAge(ctx context.Context, q Querier) (age time.Duration, ok bool, err error) {
	var seconds pgtype.Float8
	err = q.QueryRow(ctx, `SELECT extract(epoch FROM clock_timestamp() - full_at)::float8 FROM ledger_checkpoint`).Scan(&seconds)
	if err != nil {
		return 0, false, fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	return time.Duration(seconds.Float64 * float64(time.Second)), seconds.Valid, nil
}
