// Package leaderboard keeps who won most on a day: the table leaderboard_daily.
//
// It is a projection of the facts "round settled": services/events applies them,
// whoever shows the board reads it. Adding up is commutative, so the order in which
// facts come does not matter; that a fact counts once is the caller's part, who
// records its id in the transaction of Apply.
package leaderboard

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
)

// MaxLimit is the most entries that Top returns.
const MaxLimit = 100

// Player is who an entry is about, under the name of the latest settlement.
type Player struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Entry is one line of a day's board. Amounts are minor units of the board's asset;
// Net is Paid less Staked and may be negative. Rank counts from 1; players with the
// same net have different ranks, in the order of their ids.
type Entry struct {
	Rank   int          `json:"rank"`
	Player Player       `json:"player"`
	Rounds int64        `json:"rounds"`
	Staked money.Amount `json:"staked"`
	Paid   money.Amount `json:"paid"`
	Net    money.Amount `json:"net"`
}

// Querier is what Top reads from: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Day is the day, in UTC, on whose board a round settled at the given time counts.
// It is the day's first instant.
func Day(settled time.Time) time.Time {
	return settled.UTC().Truncate(24 * time.Hour)
}

// Apply adds a settled round to the board of its day, inside the caller's
// transaction. Calling it twice for a round counts the round twice.
func Apply(ctx context.Context, tx pgx.Tx, e event.RoundSettled) error {
	// Of two names the later one stays, and of two at the same instant the greater
	// one: any order of application ends in the same row.
	const upsert = `
		INSERT INTO leaderboard_daily AS b (day, asset, player_id, name, seen_at, rounds, staked, paid)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $7)
		ON CONFLICT (day, asset, player_id) DO UPDATE SET
			name    = CASE WHEN (excluded.seen_at, excluded.name) > (b.seen_at, b.name) THEN excluded.name ELSE b.name END,
			seen_at = greatest(b.seen_at, excluded.seen_at),
			rounds  = b.rounds + 1,
			staked  = b.staked + excluded.staked,
			paid    = b.paid + excluded.paid`
	_, err := tx.Exec(ctx, upsert, Day(e.SettledAt), string(e.Asset), e.Player, e.Name, e.SettledAt, int64(e.Stake), int64(e.Payout))
	if err != nil {
		return fmt.Errorf("apply round %s to the leaderboard: %w", e.Round, err)
	}
	return nil
}

// Top returns the best of a day by net win, best first. Any instant of the day, in
// UTC, names it. limit is held between 1 and MaxLimit. A day without rounds has an
// empty board, not nil.
func Top(ctx context.Context, q Querier, day time.Time, asset money.Asset, limit int) ([]Entry, error) {
	const best = `
		SELECT player_id, name, rounds, staked, paid
		FROM leaderboard_daily
		WHERE day = $1 AND asset = $2
		ORDER BY (paid - staked) DESC, player_id
		LIMIT $3`
	rows, err := q.Query(ctx, best, Day(day), string(asset), min(max(limit, 1), MaxLimit))
	if err != nil {
		return nil, fmt.Errorf("read the leaderboard of %s: %w", Day(day).Format(time.DateOnly), err)
	}
	entries := make([]Entry, 0, MaxLimit)
	entries, err = pgx.AppendRows(entries, rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		err := row.Scan(&e.Player.ID, &e.Player.Name, &e.Rounds, (*int64)(&e.Staked), (*int64)(&e.Paid))
		e.Net = e.Paid - e.Staked
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the leaderboard of %s: %w", Day(day).Format(time.DateOnly), err)
	}
	for i := range entries {
		entries[i].Rank = i + 1
	}
	return entries, nil
}
