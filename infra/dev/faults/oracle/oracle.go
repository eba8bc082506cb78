// Package oracle says whether the platform kept its contract: money is in PostgreSQL
// alone, what was acknowledged is there once, and everything that a transaction said
// to the outside went out.
package oracle

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
)

// Bet is an acknowledged one: the key that a player sent and the round of the answer.
type Bet struct{ Player, Key, Round string }

// Report is what is in the database. In a sound one, Faults returns nothing.
type Report struct {
	Ledger ledger.Report
	Rounds int64
	Keys   int64 // distinct keys per player

	Lost      []Bet // acknowledged, and no such round
	Unasked   int64 // rounds that nobody was told of
	Half      int64 // rounds whose stake or payout was not booked exactly once
	Orphans   int64 // transfers of rounds that do not exist
	Nonces    int64 // seeds whose rounds do not have the nonces 0, 1, 2, ... once each
	Unsaid    int64 // rounds without their two room events and their fact
	Unsent    int64 // outbox rows
	Facts     int64 // distinct ones
	Handled   int64 // distinct ones
	Unhandled int64 // facts that the leaderboard has not had
	Board     int64 // players and days whose leaderboard is not the sum of their rounds
}

// roundsSQL looks at everything about rounds in one statement, so in one state.
const roundsSQL = `
WITH booked AS (
	SELECT round_id,
	       count(*) FILTER (WHERE kind = 'stake') AS stakes, coalesce(sum(amount) FILTER (WHERE kind = 'stake'), 0) AS stake,
	       count(*) FILTER (WHERE kind = 'payout') AS payouts, coalesce(sum(amount) FILTER (WHERE kind = 'payout'), 0) AS payout,
	       count(*) AS legs
	FROM ledger_transfers WHERE round_id IS NOT NULL GROUP BY round_id
), told AS (
	SELECT r.id,
	       count(*) FILTER (WHERE s.sink = 'room' AND s.type = 'round') AS round_events,
	       count(*) FILTER (WHERE s.sink = 'room' AND s.type = 'balance') AS balance_events,
	       count(*) FILTER (WHERE s.sink = 'fact') AS facts
	FROM rounds r LEFT JOIN (
		SELECT sink, type, coalesce(body::jsonb -> 0 ->> 'round', body::jsonb -> 0 ->> 'id', body::jsonb ->> 'round') AS round FROM outbox
	) s ON s.round = r.id::text
	GROUP BY r.id
), board AS (
	SELECT (settled_at AT TIME ZONE 'UTC')::date AS day, player_id, asset::text AS asset, count(*) AS rounds, sum(stake) AS staked, sum(payout) AS paid
	FROM rounds WHERE state = 'settled' GROUP BY 1, 2, 3
)
SELECT
	(SELECT count(*) FROM rounds),
	(SELECT count(*) FROM (SELECT DISTINCT player_id, key FROM rounds) k),
	(SELECT count(*) FROM rounds r LEFT JOIN booked b ON b.round_id = r.id
	 WHERE r.state <> 'settled' OR coalesce(b.stakes, 0) <> 1 OR b.stake <> r.stake OR b.payout <> r.payout
	    OR b.payouts <> (r.payout > 0)::int OR b.legs <> b.stakes + b.payouts),
	(SELECT count(*) FROM booked b LEFT JOIN rounds r ON r.id = b.round_id WHERE r.id IS NULL),
	(SELECT count(*) FROM (
		SELECT s.id FROM seeds s LEFT JOIN rounds r ON r.seed_id = s.id GROUP BY s.id, s.nonce
		HAVING count(r.id) <> s.nonce OR count(DISTINCT r.nonce) <> s.nonce OR coalesce(max(r.nonce), -1) <> s.nonce - 1) n),
	(SELECT count(*) FROM told WHERE (round_events, balance_events, facts) <> (1, 1, 1)),
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
	if r.Ledger, err = ledger.Verify(ctx, q); err != nil {
		return r, fmt.Errorf("ask the oracle: %w", err)
	}
	err = q.QueryRow(ctx, roundsSQL).Scan(&r.Rounds, &r.Keys, &r.Half, &r.Orphans, &r.Nonces, &r.Unsaid, &r.Unsent, &r.Facts, &r.Handled, &r.Unhandled, &r.Board)
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
	var all []string
	found := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	found(!r.Ledger.OK(), "the ledger is not sound: %+v", r.Ledger)
	found(r.Rounds != r.Keys, "%d rounds for %d keys", r.Rounds, r.Keys)
	found(len(r.Lost) > 0, "%d acknowledged bets are lost: %.3v", len(r.Lost), r.Lost)
	found(r.Unasked > 0, "%d rounds that nobody was told of", r.Unasked)
	found(r.Half > 0, "%d rounds are booked by half", r.Half)
	found(r.Orphans > 0, "%d transfers have no round", r.Orphans)
	found(r.Nonces > 0, "%d seeds with holes or doubles in their nonces", r.Nonces)
	found(r.Unsaid > 0, "%d rounds without exactly one round event, balance event and fact", r.Unsaid)
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
