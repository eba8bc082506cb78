// Package oracle says whether the platform kept its contract: what the oracle of package
// shared/ledger/oracle says of the database, what was acknowledged is there once, and everything
// that a transaction said to the outside went out.
package oracle

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger/oracle"
)

// Bet is an acknowledged one: the key that a player sent and the round of the answer.
type Bet struct{ Player, Key, Round string }

// Report is what is in the database. In a sound one, Faults returns nothing.
type Report struct {
	oracle.Report

	Lost      []Bet // acknowledged, and no such round
	Unasked   int64 // rounds that nobody was told of
	Unsent    int64 // outbox rows
	Facts     int64 // distinct ones
	Handled   int64 // distinct ones
	Unhandled int64 // facts that the leaderboard has not had
	Board     int64 // players and days whose leaderboard is not the sum of their rounds
}

// outsideSQL looks at what has left the transactions of bets in one statement, so in one
// state.
const outsideSQL = `
WITH board AS (
	SELECT (settled_at AT TIME ZONE 'UTC')::date AS day, player_id, asset::text AS asset, count(*) AS rounds,
	       sum(coalesce(staked, stake)) AS staked, sum(payout) AS paid
	FROM rounds WHERE state = 'settled' GROUP BY 1, 2, 3
)
SELECT
	(SELECT count(*) FROM outbox WHERE sent_at IS NULL),
	(SELECT count(DISTINCT event_id) FROM outbox WHERE sink = 'fact'),
	(SELECT count(DISTINCT event_id) FROM handled_events WHERE consumer = 'leaderboard'),
	(SELECT count(DISTINCT o.event_id) FROM outbox o
	 WHERE sink = 'fact' AND NOT EXISTS (SELECT FROM handled_events h WHERE h.consumer = 'leaderboard' AND h.event_id = o.event_id)),
	(SELECT count(*) FROM board b FULL JOIN leaderboard_daily l ON l.day = b.day AND l.player_id = b.player_id AND l.asset = b.asset
	 WHERE (l.rounds, l.staked, l.paid) IS DISTINCT FROM (b.rounds, b.staked, b.paid))`

// Querier is a connection, a pool or a transaction that may read everything.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Look asks the database at url, as its owner.
func Look(ctx context.Context, url string, told []Bet) (Report, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return Report{}, fmt.Errorf("ask the oracle: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return Ask(ctx, conn, told)
}

// Ask compares the database with the bets that players were told of.
func Ask(ctx context.Context, q Querier, told []Bet) (r Report, err error) {
	if r.Report, err = oracle.Ask(ctx, q); err != nil {
		return r, err
	}
	err = q.QueryRow(ctx, outsideSQL).Scan(&r.Unsent, &r.Facts, &r.Handled, &r.Unhandled, &r.Board)
	if err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	rows, err := q.Query(ctx, `SELECT player_id::text, key::text, id::text FROM rounds`)
	if err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Bet])
	if err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	r.compare(there, told)
	return r, nil
}

// compare finds what was acknowledged and is not there, and the reverse.
func (r *Report) compare(there, told []Bet) {
	left := make(map[Bet]bool, len(there))
	for _, b := range there {
		left[b] = true
	}
	known := make(map[Bet]bool, len(told))
	for _, b := range told {
		if !left[b] {
			r.Lost = append(r.Lost, b)
		}
		known[b] = true
	}
	for b := range left {
		if !known[b] {
			r.Unasked++
		}
	}
}

// Settled says whether everything has gone out and come in.
func (r Report) Settled() bool { return r.Unsent == 0 && r.Unhandled == 0 }

// Faults are the breaches of the contract, one text each.
func (r Report) Faults() []string {
	all := r.Report.Faults()
	found := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	found(len(r.Lost) > 0, "%d acknowledged bets are lost: %.3v", len(r.Lost), r.Lost)
	found(r.Unasked > 0, "%d rounds that nobody was told of", r.Unasked)
	found(r.Unsent > 0, "%d outbox rows are not sent", r.Unsent)
	found(r.Facts != r.Handled || r.Unhandled > 0, "%d facts, %d handled, %d of them not", r.Facts, r.Handled, r.Unhandled)
	found(r.Board > 0, "%d lines of the leaderboard are not the sum of their rounds", r.Board)
	return all
}

// String is one line for a log.
func (r Report) String() string {
	verdict := "clean"
	if faults := r.Faults(); len(faults) > 0 {
		verdict = strings.Join(faults, "; ")
	}
	return fmt.Sprintf("oracle: %d rounds, %d transfers, %d facts handled: %s", r.Rounds, r.Ledger.Transfers, r.Handled, verdict)
}
