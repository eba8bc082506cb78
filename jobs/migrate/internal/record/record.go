// Package record compares what a database says was applied with the files.
package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// ErrRefused is in every error that says that files and database do not belong
// together. Nothing was changed.
var ErrRefused = errors.New("refused")

// Row is one row of schema_migrations.
type Row struct {
	Version  int
	Name     string
	SHA256   string
	Phase    string
	Started  time.Time
	Finished *time.Time // nil while a migration outside a transaction is not done
}

// Querier is the part of a connection that Read needs.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Read returns the rows in the order of their versions, and none when the
// database has no such table yet.
func Read(ctx context.Context, q Querier) ([]Row, error) {
	rows, err := q.Query(ctx, `SELECT FROM pg_class WHERE oid = to_regclass('schema_migrations')`)
	if err != nil {
		return nil, fmt.Errorf("look for schema_migrations: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(pgx.CollectableRow) (bool, error) { return true, nil })
	if err != nil {
		return nil, fmt.Errorf("look for schema_migrations: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	rows, err = q.Query(ctx, `SELECT version, name, sha256, phase, started_at, finished_at FROM schema_migrations ORDER BY version`)
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	return all, nil
}

// ReadCode returns the min_code_version of the database: the oldest code that its schema
// serves, as the newest migration that this was built with; 0 when it serves any.
func ReadCode(ctx context.Context, q Querier) (int, error) {
	const found = `SELECT FROM pg_class WHERE oid = to_regclass('schema_compatibility')`
	least := 0
	for _, sql := range []string{found, `SELECT min_code_version FROM schema_compatibility`} {
		rows, err := q.Query(ctx, sql)
		if err != nil {
			return 0, fmt.Errorf("read min_code_version: %w", err)
		}
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n int, err error) {
			if sql != found {
				err = row.Scan(&n)
			}
			return n, err
		})
		if err != nil {
			return 0, fmt.Errorf("read min_code_version: %w", err)
		}
		if len(all) == 0 {
			return 0, nil
		}
		least = all[0]
	}
	return least, nil
}

// State is where a database stands.
type State string

// The states that Compare finds.
const (
	Current State = "current" // nothing to do
	Pending State = "pending" // migrations are to be applied
	Ahead   State = "ahead"   // a newer release has migrated: nothing to do
)

// Plan is what follows from the comparison.
type Plan struct {
	State   State
	Applied []Row           // known to the files and finished
	Pending []script.Script // to apply, in this order
	// Unfinished is the version of the first of Pending when an earlier run began
	// it outside a transaction and did not come to its end; else 0.
	Unfinished int
	Newer      []Row // unknown to the files
	MinCode    int   // min_code_version of the database
}

// Version is the last finished version of the database, 0 for none.
func (p Plan) Version() int {
	for i := len(p.Newer) - 1; i >= 0; i-- {
		if p.Newer[i].Finished != nil {
			return p.Newer[i].Version
		}
	}
	if n := len(p.Applied); n > 0 {
		return p.Applied[n-1].Version
	}
	return 0
}

// Compare decides what is to be done. The files are numbered without gaps from 1
// (script.Load sees to that). minCode is what ReadCode says: code that was built with
// fewer files is refused, for the schema has lost something that it uses. Refused are,
// too, a finished migration whose file is another one now, and a file whose turn is
// over: one that is not applied while a later one is.
//
// The file of an unfinished migration may have changed: its statements may be run
// again, and mending it is how a failed one gets done.
func Compare(files []script.Script, rows []Row, minCode int) (Plan, error) {
	if len(files) < minCode {
		return Plan{}, fmt.Errorf("%w: this release was built with migrations up to %04d, and the schema serves code from %04d on: roll out a newer release",
			ErrRefused, len(files), minCode)
	}
	plan := Plan{State: Current, MinCode: minCode}
	next := 1 // the version that may be missing or unfinished
	for i, row := range rows {
		if row.Version > len(files) {
			plan.Newer = rows[i:]
			break
		}
		if row.Version != next {
			return Plan{}, outOfOrder(files[next-1], row.Version)
		}
		file := files[row.Version-1]
		if row.Finished == nil {
			plan.Unfinished = row.Version
			if i+1 < len(rows) {
				return Plan{}, outOfOrder(file, rows[i+1].Version)
			}
			break
		}
		if row.SHA256 != file.SHA256 || row.Name != file.Name {
			return Plan{}, fmt.Errorf("%w: migration %04d_%s was applied as %04d_%s with checksum %.12s and the file has %.12s: released migrations are never edited, add a new one",
				ErrRefused, file.Version, file.Name, row.Version, row.Name, row.SHA256, file.SHA256)
		}
		plan.Applied = append(plan.Applied, row)
		next++
	}
	plan.Pending = files[next-1:]
	switch {
	case len(plan.Newer) > 0 && len(plan.Pending) > 0:
		return Plan{}, outOfOrder(plan.Pending[0], plan.Newer[0].Version)
	case len(plan.Newer) > 0:
		plan.State = Ahead
	case len(plan.Pending) > 0:
		plan.State = Pending
	}
	return plan, nil
}

func outOfOrder(file script.Script, later int) error {
	return fmt.Errorf("%w: migration %04d_%s is not applied but %04d is: migrations are applied in their order, give it the next free number",
		ErrRefused, file.Version, file.Name, later)
}
