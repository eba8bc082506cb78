// Package oracle says whether a database kept the contract of money: what was played is
// there once and whole, every chip is where it should be, and what a transaction had to
// say to the outside was written with it. It is for tests, which call Watch once:
//
//	pg := pgtest.New(t)
//	oracle.Watch(t, pg)
package oracle

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// patience bounds a look on a busy machine.
const patience = 2 * time.Minute

// Querier is a connection, a pool or a transaction that may read everything.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Report is what is in a database. In a sound one, Faults returns nothing.
type Report struct {
	Ledger   ledger.Report
	Rounds   int64
	Breaches []Breach // rules that are broken
}

// Breach is a rule that was broken, and how often.
type Breach struct {
	What  string
	Count int64
}

// Watch asks the oracle when t ends, after everything that t starts from here on has
// ended, and fails t on what it has to say.
func Watch(t testing.TB, pg *pgtest.Database) {
	t.Helper()
	t.Cleanup(func() { Judge(t, pg) })
}

// Judge asks the oracle now, and fails t on what it has to say.
func Judge(t testing.TB, pg *pgtest.Database) Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, pg.AdminURL)
	if err != nil {
		t.Fatalf("ask the oracle: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it has done its work
	report, err := Ask(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range report.Faults() {
		t.Errorf("oracle: %s", fault)
	}
	return report
}

// Ask looks at a database, in two statements of which each sees one state of it, so play
// may go on meanwhile.
func Ask(ctx context.Context, q Querier) (r Report, err error) {
	if r.Ledger, err = ledger.Verify(ctx, q); err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	var sql strings.Builder
	sql.WriteString("SELECT ARRAY[(SELECT count(*) FROM rounds)")
	for _, rule := range rules {
		sql.WriteString(",\n(" + rule.sql + ")")
	}
	sql.WriteString("]::bigint[]")
	var found []int64
	if err := q.QueryRow(ctx, sql.String()).Scan(&found); err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	r.Rounds = found[0]
	for i, rule := range rules {
		if n := found[i+1]; n != 0 {
			r.Breaches = append(r.Breaches, Breach{rule.what, n})
		}
	}
	return r, nil
}

// Faults are the breaches of the contract, one text each.
func (r Report) Faults() []string {
	var all []string
	if !r.Ledger.OK() {
		all = append(all, fmt.Sprintf("the ledger is not sound: %+v", r.Ledger))
	}
	for _, b := range r.Breaches {
		all = append(all, fmt.Sprintf("%d %s", b.Count, b.What))
	}
	return all
}
