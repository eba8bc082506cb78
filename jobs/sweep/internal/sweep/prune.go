package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/postgres"
)

// pruneBatch is how many rows one transaction looks at, so that it holds its locks for
// milliseconds.
const pruneBatch = 1000

// hoursOlderThan is how long the hours of players are kept: a day more than the windows of
// their limits need.
const hoursOlderThan = 32 * day

// prune removes what is old, batch after batch, for at most c.PruneTime; what is left
// then is for the next run.
func prune(ctx context.Context, c Config, db *postgres.DB) Pruned {
	began := time.Now()
	p := Pruned{Rows: map[string]int64{}}
	var failures []error
	for _, kind := range []struct {
		name, sql string
		older     time.Duration
	}{
		{"keys", `SELECT looked, done FROM prune_keys(make_interval(secs => $1), $2)`, c.KeysOlderThan},
		{"steps", `SELECT looked, done FROM prune_steps(make_interval(secs => $1), $2)`, c.KeysOlderThan},
		{"guests", `SELECT looked, done FROM prune_guests(make_interval(secs => $1), $2)`, c.GuestsOlderThan},
		{"outbox", `SELECT looked, done FROM prune_outbox(make_interval(secs => $1), $2)`, c.SentOlderThan},
		{"handled", `SELECT looked, done FROM prune_handled(make_interval(secs => $1), $2)`, c.HandledOlderThan},
		{"hours", `SELECT looked, done FROM prune_hours(make_interval(secs => $1), $2)`, hoursOlderThan},
	} {
		for looked := int64(pruneBatch); looked == pruneBatch && time.Since(began) < c.PruneTime; {
			var done int64
			err := db.InTx(ctx, func(tx pgx.Tx) error {
				return tx.QueryRow(ctx, kind.sql, kind.older.Seconds(), pruneBatch).Scan(&looked, &done)
			})
			if err != nil {
				failures = append(failures, fmt.Errorf("prune %s: %w", kind.name, err))
				break
			}
			p.Rows[kind.name] += done
		}
	}
	p.TookMS = time.Since(began).Milliseconds()
	err := errors.Join(failures...)
	if p.OK = err == nil; err != nil {
		p.Error = err.Error()
	}
	return p
}
