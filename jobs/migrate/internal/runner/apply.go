package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
	"github.com/vegascore/vegascore/jobs/migrate/internal/statement"
)

// boot makes the runner's own table.
func (r *run) boot(ctx context.Context, sql string) error {
	_, err := r.steadily(ctx, func() error {
		return r.inTx(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	return nil
}

// apply brings one migration to its end. unfinished says that an earlier run
// began it outside a transaction.
func (r *run) apply(ctx context.Context, s script.Script, unfinished bool) (retries int, err error) {
	if err := r.fresh(ctx); err != nil {
		return 0, err
	}
	if !s.Tx {
		return r.outside(ctx, s, unfinished)
	}
	return r.steadily(ctx, func() error {
		return r.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, s.SQL); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, recordSQL, s.Version, s.Name, s.SHA256, string(s.Phase), true, s.Code)
			return err
		})
	})
}

// recordSQL writes that a migration was begun and, with $5, finished. A row that
// is there is that of an earlier run which did not finish. $6 is the oldest code that
// works from the migration's first statement on.
const recordSQL = `
WITH least AS (UPDATE schema_compatibility SET min_code_version = $6::int4 WHERE min_code_version < $6::int4)
INSERT INTO schema_migrations (version, name, sha256, phase, finished_at)
VALUES ($1::int4, $2::text, $3::text, $4::text, CASE WHEN $5::bool THEN clock_timestamp() END)
ON CONFLICT (version) DO UPDATE
SET name = excluded.name, sha256 = excluded.sha256, phase = excluded.phase, finished_at = excluded.finished_at
WHERE schema_migrations.finished_at IS NULL`

// outside runs a migration statement by statement.
func (r *run) outside(ctx context.Context, s script.Script, unfinished bool) (retries int, err error) {
	write := func(finished bool) error {
		_, err := r.conn.Exec(ctx, recordSQL, s.Version, s.Name, s.SHA256, string(s.Phase), finished, s.Code)
		return err
	}
	if err := write(false); err != nil {
		return 0, fmt.Errorf("record the beginning: %w", err)
	}
	for i, st := range s.Statements {
		n, err := r.steadily(ctx, func() error { return r.single(ctx, st, unfinished) })
		if retries += n; err != nil {
			return retries, fmt.Errorf("statement %d of %d: %w", i+1, len(s.Statements), err)
		}
	}
	if err := write(true); err != nil {
		return retries, fmt.Errorf("record the end: %w", err)
	}
	return retries, nil
}

// single runs one statement outside a transaction.
func (r *run) single(ctx context.Context, st statement.Statement, unfinished bool) error {
	lockTimeout := r.config.LockTimeout
	index, concurrent := st.ConcurrentIndex()
	if concurrent || st.Has("DROP", "INDEX", "CONCURRENTLY") {
		// These wait for transactions, but nobody waits for them.
		lockTimeout = 0
	}
	if err := r.limit(ctx, lockTimeout, r.config.BuildTimeout); err != nil {
		return err
	}
	if concurrent {
		there, err := r.clear(ctx, index)
		if err != nil || there && unfinished {
			return err
		}
	}
	_, err := r.conn.Exec(ctx, st.Text)
	return err
}

// clear drops an index that a broken build left behind, which is INVALID: no
// query uses it and every write pays for it. It reports whether a valid index of
// this name is there: after a crash, that of the earlier run.
func (r *run) clear(ctx context.Context, index statement.Index) (there bool, err error) {
	var name string
	var valid bool
	err = r.conn.QueryRow(ctx, `
		SELECT i.indexrelid::regclass::text, i.indisvalid
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = to_regclass($1::text) AND c.relname = $2::text`, index.Table, index.Name).Scan(&name, &valid)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for index %s: %w", index.Name, err)
	case valid:
		return true, nil
	}
	r.logger.WarnContext(ctx, "dropping an index that an earlier build left invalid", "index", name)
	if _, err := r.conn.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil { // regclass text is quoted
		return false, fmt.Errorf("drop invalid index %s: %w", name, err)
	}
	return false, nil
}

// limit sets the session's timeouts for the statements outside transactions.
func (r *run) limit(ctx context.Context, lock, statement time.Duration) error {
	_, err := r.conn.Exec(ctx, fmt.Sprintf("SET lock_timeout = %d; SET statement_timeout = %d", lock.Milliseconds(), statement.Milliseconds()))
	return err
}

// inTx runs f in a transaction with the timeouts of one.
func (r *run) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	begin := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d",
		r.config.LockTimeout.Milliseconds(), r.config.StatementTimeout.Milliseconds())
	return pgx.BeginTxFunc(ctx, r.conn, pgx.TxOptions{BeginQuery: begin}, f)
}
