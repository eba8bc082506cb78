// Package lint finds migrations that would stop players or break the code that is still
// running. It asks no parser: each statement is run on a scratch database, and what it
// locked, read, rewrote and removed there is looked up.
package lint

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
	"github.com/vegascore/vegascore/jobs/migrate/internal/statement"
)

// Finding is one reason not to run a statement on a database with players.
type Finding struct {
	Version   int    `json:"version"`
	Name      string `json:"name"`
	Statement string `json:"statement"` // its first line
	Rule      Rule   `json:"rule"`
	Table     string `json:"table"`
}

// Rule says what is wrong.
type Rule string

// The rules.
const (
	Rewrites Rule = "rewrites the table while nobody can use it"
	Scans    Rule = "reads the whole table while nobody can write to it"
	Updates  Rule = "changes rows while nobody can use the table; put the change of rows into a migration of its own"
	Holds    Rule = "locks the table without changing it"
	Removes  Rule = "removes or renames what old code uses; that belongs into a contract migration of a later release"
	Demands  Rule = "needs a value that old code does not give"
	Retypes  Rule = "changes a type under old code"
)

func (f Finding) String() string {
	return fmt.Sprintf("%04d_%s: %s: %s: %s", f.Version, f.Name, f.Table, f.Rule, f.Statement)
}

// Run applies scripts to the database of conn, which must be a scratch one without any
// of them, and returns what it found. bootstrap comes before the first. The first skip
// of them are applied without being looked at: they are released. An error says that a
// script does not run at all.
func Run(ctx context.Context, conn *pgx.Conn, bootstrap string, scripts []script.Script, skip int) ([]Finding, error) {
	if bootstrap != "" {
		if _, err := conn.Exec(ctx, bootstrap); err != nil {
			return nil, fmt.Errorf("run bootstrap: %w", err)
		}
	}
	var all []Finding
	for i, s := range scripts {
		found, err := one(ctx, conn, s, i < skip)
		if err != nil {
			return all, fmt.Errorf("run %04d_%s: %w", s.Version, s.Name, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// one runs a script as the runner would.
func one(ctx context.Context, conn *pgx.Conn, s script.Script, blind bool) (all []Finding, err error) {
	old, err := look(ctx, conn)
	if err != nil {
		return nil, err
	}
	tables := old.names()
	if s.Tx {
		if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") // the error says more
			}
		}()
	}
	before := old
	for _, st := range statement.Split(s.SQL) {
		if _, err := conn.Exec(ctx, st.Text); err != nil {
			return all, fmt.Errorf("%s: %w", firstLine(st.Text), err)
		}
		after, err := look(ctx, conn)
		if err != nil {
			return all, err
		}
		for _, f := range compare(before, after, tables, s) {
			f.Version, f.Name, f.Statement = s.Version, s.Name, firstLine(st.Text)
			all = append(all, f)
		}
		before = after
	}
	if s.Tx {
		if _, err := conn.Exec(ctx, "COMMIT"); err != nil {
			return all, fmt.Errorf("commit: %w", err)
		}
	}
	if blind {
		return nil, nil
	}
	return all, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
