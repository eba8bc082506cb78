// Package statements keeps what the services of each release say to PostgreSQL, and
// holds the newest schema to it: code of the release before goes on running while a new
// schema is there already.
//
// A release is recorded by running the services' own tests on a server that notes every
// statement (make record RELEASE=v1), and kept as a file in recorded/.
package statements

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/localpg"
)

//go:embed recorded
var recorded embed.FS

// Release is what the services of one release say.
type Release struct {
	Name       string   `json:"release"`
	Statements []string `json:"statements"` // sorted, with $1, $2... for values
}

// Recorded are the releases in recorded/.
func Recorded() ([]Release, error) {
	names, err := fs.Glob(recorded, "recorded/*.json")
	if err != nil {
		return nil, fmt.Errorf("list recorded statements: %w", err)
	}
	var all []Release
	for _, name := range names {
		text, err := recorded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		var r Release
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// Refusal is a statement that a schema does not understand.
type Refusal struct {
	Statement string
	Err       error
}

// Try has the server of conn plan each statement without running it, and returns those
// that it refuses: for a table, column or function that is gone, renamed, or of a type
// that does not fit. Rights are looked at when a statement runs, and so are the bodies of
// functions, which are part of the schema.
func Try(ctx context.Context, conn *pgx.Conn, statements []string) ([]Refusal, error) {
	var all []Refusal
	for _, s := range statements {
		_, err := conn.Prepare(ctx, "", s)
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			all = append(all, Refusal{s, err})
		case err != nil:
			return all, fmt.Errorf("plan %.60s: %w", s, err)
		}
	}
	return all, nil
}

// plannable are the statements that can be planned without being run.
var plannable = regexp.MustCompile(`(?is)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b`)

// Extension is what a server needs to note statements, as a setting of the server.
const Extension = "pg_stat_statements"

// Noted returns what the role of the services has said to a server, in any database.
func Noted(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT DISTINCT s.query FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = $1 ORDER BY 1`, localpg.Login)
	if err != nil {
		return nil, fmt.Errorf("read noted statements: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read noted statements: %w", err)
	}
	var kept []string
	for _, s := range all {
		if plannable.MatchString(s) {
			kept = append(kept, mend(strings.TrimSpace(s)))
		}
	}
	return kept, nil
}

// The server notes $n for every constant, also where its grammar has none.
var (
	extracted = regexp.MustCompile(`(?i)\bextract\(\$\d+ FROM`)
	interval  = regexp.MustCompile(`(?i)\binterval \$\d+`)
	parameter = regexp.MustCompile(`\$\d+`)
)

// mend puts constants back where only they may stand, and numbers the rest anew.
func mend(s string) string {
	s = extracted.ReplaceAllString(s, "extract(epoch FROM")
	s = interval.ReplaceAllString(s, "interval '1 second'")
	numbers := map[string]int{}
	return parameter.ReplaceAllStringFunc(s, func(found string) string {
		if numbers[found] == 0 {
			numbers[found] = len(numbers) + 1
		}
		return fmt.Sprintf("$%d", numbers[found])
	})
}
