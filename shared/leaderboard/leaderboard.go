// Package leaderboard keeps who won most, wagered most and had the best multiplier on a
// day and in a week: the tables leaderboard_daily and leaderboard_weekly.
//
// They are projections of the facts "round settled": services/events applies them,
// whoever shows a board reads it. A round counts once, however often and in whatever
// order its facts come, and Rebuild makes the boards anew from the rounds while facts go
// on coming: what was applied and what is rebuilt are the same rows.
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

// Period is how long a board runs.
type Period string

// The periods, in UTC.
const (
	Daily  Period = "day"
	Weekly Period = "week" // ISO 8601: from Monday
)

// Measure is what a board is ordered by.
type Measure string

// The measures. Players with the same net or wagered amount are in the order of their ids,
// those with the same multiplier in the order of the rounds.
const (
	Net        Measure = "net"        // paid less staked, in all
	Wagered    Measure = "wagered"    // staked in all, with what actions have cost
	Multiplier Measure = "multiplier" // payout / staked of the best round
)

// Board names a board. Any instant of its period may stand for it.
type Board struct {
	Period Period
	By     Measure
	At     time.Time
	Asset  money.Asset
}

// Valid reports whether there are boards of this period and measure.
func (b Board) Valid() bool {
	return (b.Period == Daily || b.Period == Weekly) && (b.By == Net || b.By == Wagered || b.By == Multiplier)
}

// First is the first instant of the board's period.
func (b Board) First() time.Time {
	day := Day(b.At)
	if b.Period == Weekly {
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	}
	return day
}

// String is the board as errors name it.
func (b Board) String() string {
	return fmt.Sprintf("%s of the %s of %s", b.By, b.Period, b.First().Format(time.DateOnly))
}

// Day is the day, in UTC, on whose board a round settled at the given time counts.
// It is the day's first instant.
func Day(settled time.Time) time.Time {
	return settled.UTC().Truncate(24 * time.Hour)
}

// Player is who an entry is about, under the name of the latest settlement.
type Player struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Entry is one line of a board. Amounts are minor units of the board's asset; Net is Paid
// less Staked and may be negative. Rank counts from 1, and no two entries share one.
type Entry struct {
	Rank   int64        `json:"rank"`
	Player Player       `json:"player"`
	Rounds int64        `json:"rounds"`
	Staked money.Amount `json:"staked"`
	Paid   money.Amount `json:"paid"`
	Net    money.Amount `json:"net"`
	Best   *Best        `json:"best,omitempty"` // nil on days that were never rebuilt since there are multipliers
}

// Best is the round with a player's greatest multiplier in a period, the first of equals.
type Best struct {
	Multiplier money.Multiplier `json:"multiplier"`
	Round      uuid.UUID        `json:"round"`
	At         time.Time        `json:"at"`
}

// Apply puts a settled round on the boards of its day and its week, inside the caller's
// transaction, and reports whether it was not there yet. It waits for a rebuild of the
// player's rows. A transaction may apply the rounds of one player, or those of several in
// the order of the players' ids.
func Apply(ctx context.Context, tx pgx.Tx, e event.RoundSettled) (counted bool, err error) {
	cost := e.Staked
	if cost == 0 {
		cost = e.Stake
	}
	const apply = `SELECT leaderboard_apply($1, $2, $3, $4, $5, $6, $7)`
	err = tx.QueryRow(ctx, apply, e.Round, e.Player, e.Name, string(e.Asset), int64(cost), int64(e.Payout), e.SettledAt).Scan(&counted)
	if err != nil {
		return false, fmt.Errorf("apply round %s to the leaderboard: %w", e.Round, err)
	}
	return counted, nil
}
