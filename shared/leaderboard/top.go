package leaderboard

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
)

// Querier is what Top and Place read from: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const columns = `player_id, name, rounds, staked, paid, best, best_round, best_at`

var tables = map[Period]string{Daily: "leaderboard_daily", Weekly: "leaderboard_weekly"}

// orders are the measures in SQL: the order itself, and the rows before that of mine. The
// first comparison of before is one that the index of the measure serves.
var orders = map[Measure]struct{ order, before string }{
	Net: {`(paid - staked) DESC, player_id`,
		`(b.paid - b.staked) >= (mine.paid - mine.staked) AND ((b.paid - b.staked) > (mine.paid - mine.staked) OR b.player_id < mine.player_id)`},
	Wagered: {`staked DESC, player_id`,
		`b.staked >= mine.staked AND (b.staked > mine.staked OR b.player_id < mine.player_id)`},
	Multiplier: {`best DESC, best_at, player_id`,
		`b.best >= mine.best AND (b.best > mine.best OR (b.best_at, b.player_id) < (mine.best_at, mine.player_id))`},
}

// rated limits a board to the rows that have its measure.
func (b Board) rated(alias string) string {
	if b.By == Multiplier {
		return ` AND ` + alias + `.best IS NOT NULL`
	}
	return ""
}

// Top returns the best of a board, best first. limit is held between 1 and MaxLimit. A
// period without rounds has an empty board, not nil.
func Top(ctx context.Context, q Querier, b Board, limit int) ([]Entry, error) {
	best := `SELECT 0::bigint, ` + columns + ` FROM ` + tables[b.Period] + ` b WHERE day = $1 AND asset = $2` + b.rated("b") +
		` ORDER BY ` + orders[b.By].order + ` LIMIT $3`
	entries, err := b.read(ctx, q, best, b.First(), string(b.Asset), min(max(limit, 1), MaxLimit))
	if err != nil {
		return nil, err
	}
	for i := range entries {
		entries[i].Rank = int64(i + 1)
	}
	return entries, nil
}

// Place returns a player's entry on a board, and nil when there is none. It counts the
// entries before it, so it takes the longer the more those are.
func Place(ctx context.Context, q Querier, b Board, player uuid.UUID) (*Entry, error) {
	table := tables[b.Period]
	place := `SELECT 1 + (SELECT count(*) FROM ` + table + ` b WHERE b.day = $1 AND b.asset = $2` + b.rated("b") + ` AND ` + orders[b.By].before + `), ` +
		columns + ` FROM ` + table + ` mine WHERE day = $1 AND asset = $2 AND player_id = $3` + b.rated("mine")
	entries, err := b.read(ctx, q, place, b.First(), string(b.Asset), player)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return &entries[0], nil
}

func (b Board) read(ctx context.Context, q Querier, sql string, args ...any) ([]Entry, error) {
	if !b.Valid() {
		return nil, errors.New("read the leaderboard: no such board: " + b.String())
	}
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read the leaderboard by %s: %w", b, err)
	}
	entries, err := pgx.AppendRows(make([]Entry, 0, 16), rows, scan)
	if err != nil {
		return nil, fmt.Errorf("read the leaderboard by %s: %w", b, err)
	}
	return entries, nil
}

func scan(row pgx.CollectableRow) (e Entry, err error) {
	var best pgtype.Int8
	var round pgtype.UUID
	var at pgtype.Timestamptz
	err = row.Scan(&e.Rank, &e.Player.ID, &e.Player.Name, &e.Rounds, (*int64)(&e.Staked), (*int64)(&e.Paid), &best, &round, &at)
	e.Net = e.Paid - e.Staked
	if best.Valid {
		e.Best = &Best{Multiplier: money.Multiplier(best.Int64), Round: round.Bytes, At: at.Time.UTC()}
	}
	return e, err
}
