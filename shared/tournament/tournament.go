// Package tournament runs timed tournaments over the tables of migration 0017: a fee to
// enter, points from the rounds that an entrant plays, and a pool of all fees that the best
// share at the end.
//
// What always holds:
//
//   - The fees lie on a ledger account that the tournament owns. An entry and its transfer
//     are one transaction; so are a prize and its mark. When a tournament is settled or
//     cancelled, its pool holds nothing.
//   - All times are those of the database's clock.
//   - Points that facts make while it runs (package points) are for showing. What is paid for is
//     made from the rounds themselves, a while after the end, once.
//
// Operators make tournaments with the SQL function tournament_create, as the owner of the
// schema. Entries come from services/actions, facts from services/events, and jobs/sweep
// settles.
package tournament

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Rule says what the points of an entry are.
type Rule string

// The rules. Equal points rank by who had them first, then by who entered first.
const (
	Wagered    Rule = "wagered"    // all that its rounds have cost, in minor units
	Multiplier Rule = "multiplier" // payout / cost of its best round, in ten-thousandths
)

// State is how far a tournament is.
type State string

// The states, by the database's clock. Entries are taken in Open and Running.
const (
	Announced State = "announced" // entries are not taken yet
	Open      State = "open"      // rounds do not count yet
	Running   State = "running"
	Ended     State = "ended"     // rounds count no more; ranks and prizes are not fixed or not all paid
	Settled   State = "settled"   // all prizes are paid
	Cancelled State = "cancelled" // all fees are paid back
)

// Tournament is one as everybody may see it. Amounts are in minor units.
type Tournament struct {
	ID           uuid.UUID    `json:"id"`
	Name         string       `json:"name"`
	State        State        `json:"state"`
	Games        []string     `json:"games"` // whose rounds count
	Rule         Rule         `json:"rule"`
	Asset        money.Asset  `json:"asset"`
	Fee          money.Amount `json:"fee"`
	LeastStake   money.Amount `json:"least_stake"` // of a round that counts
	LeastEntries int32        `json:"least_entries"`
	Payouts      []int32      `json:"payouts"` // shares of the pool by rank, in ten-thousandths
	OpensAt      time.Time    `json:"opens_at"`
	StartsAt     time.Time    `json:"starts_at"`
	EndsAt       time.Time    `json:"ends_at"`
	SettlesAt    time.Time    `json:"settles_at"` // not before
	Entries      int64        `json:"entries"`
	Pool         money.Amount `json:"pool"` // of all fees
}

// Querier reads: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const listed = 50 // tournaments that List returns at most

const tournamentSQL = `
	SELECT t.id, t.name, CASE WHEN t.state IN ('settled', 'cancelled') THEN t.state::text
	                          WHEN t.state <> 'open' OR t.ends_at <= now() THEN 'ended'
	                          WHEN t.starts_at <= now() THEN 'running'
	                          WHEN t.opens_at <= now() THEN 'open' ELSE 'announced' END,
	       t.games, t.rule::text, t.asset::text, t.fee, t.least_stake, t.least_entries, t.payouts,
	       t.opens_at, t.starts_at, t.ends_at, t.ends_at + t.grace, e.entries, e.pool
	FROM tournaments t,
	     LATERAL (SELECT count(*) AS entries, coalesce(sum(e.fee), 0)::bigint AS pool FROM tournament_entries e WHERE e.tournament_id = t.id) e `

// List returns the tournaments that are to come, run or have ended within a week, those
// that end last first, 50 at most.
func List(ctx context.Context, q Querier) ([]Tournament, error) {
	all, err := read(ctx, q, tournamentSQL+`WHERE t.ends_at > now() - interval '7 days' ORDER BY t.ends_at DESC, t.id LIMIT $1`, listed)
	if err != nil {
		return nil, fmt.Errorf("list tournaments: %w", err)
	}
	return all, nil
}

// Find returns a tournament, or the problem not_found.
func Find(ctx context.Context, q Querier, id uuid.UUID) (Tournament, error) {
	all, err := read(ctx, q, tournamentSQL+`WHERE t.id = $1`, id)
	if err != nil {
		return Tournament{}, fmt.Errorf("find tournament %s: %w", id, err)
	}
	if len(all) == 0 {
		return Tournament{}, NotFound()
	}
	return all[0], nil
}

func read(ctx context.Context, q Querier, sql string, args ...any) ([]Tournament, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]Tournament{}, rows, func(row pgx.CollectableRow) (t Tournament, err error) {
		err = row.Scan(&t.ID, &t.Name, (*string)(&t.State), &t.Games, (*string)(&t.Rule), (*string)(&t.Asset), (*int64)(&t.Fee), (*int64)(&t.LeastStake),
			&t.LeastEntries, &t.Payouts, &t.OpensAt, &t.StartsAt, &t.EndsAt, &t.SettlesAt, &t.Entries, (*int64)(&t.Pool))
		for _, at := range []*time.Time{&t.OpensAt, &t.StartsAt, &t.EndsAt, &t.SettlesAt} {
			*at = at.UTC()
		}
		return t, err
	})
}

// NotFound is the one answer to a tournament that is not there.
func NotFound() error { return problem.Of(problem.NotFound, "There is no such tournament.") }

// Standing is an entry in the order of the points so far, or of the final ones. Rank counts
// from 1. Prize is 0 until it is fixed, and without one.
type Standing struct {
	Rank      int64        `json:"rank"`
	Player    Player       `json:"player"`
	Points    int64        `json:"points"`
	Prize     money.Amount `json:"prize"`
	EnteredAt time.Time    `json:"entered_at"`
}

// Player is whose entry it is.
type Player struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// MaxStandings is the most entries that Standings returns.
const MaxStandings = 100

const (
	ranked = `
	SELECT row_number() OVER (ORDER BY points DESC, reached_at, entered_at, player_id) AS rank, player_id, points, prize, entered_at
	FROM tournament_entries WHERE tournament_id = $1`
	standingsSQL = `SELECT r.rank, r.player_id, coalesce(p.name, ''), r.points, coalesce(r.prize, 0), r.entered_at
	FROM (` + ranked + ` ORDER BY points DESC, reached_at, entered_at, player_id LIMIT $2) r LEFT JOIN players p ON p.id = r.player_id ORDER BY r.rank`
	standingSQL = `SELECT r.rank, r.player_id, coalesce(p.name, ''), r.points, coalesce(r.prize, 0), r.entered_at
	FROM (` + ranked + `) r LEFT JOIN players p ON p.id = r.player_id WHERE r.player_id = $2`
)

// Standings returns the first entries of a tournament, best first: limit of them, which is
// held between 1 and MaxStandings.
func Standings(ctx context.Context, q Querier, tournament uuid.UUID, limit int) ([]Standing, error) {
	return standings(ctx, q, standingsSQL, tournament, min(max(limit, 1), MaxStandings))
}

// StandingOf returns a player's entry, and nil when there is none.
func StandingOf(ctx context.Context, q Querier, tournament, player uuid.UUID) (*Standing, error) {
	all, err := standings(ctx, q, standingSQL, tournament, player)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

func standings(ctx context.Context, q Querier, sql string, tournament uuid.UUID, arg any) ([]Standing, error) {
	rows, err := q.Query(ctx, sql, tournament, arg)
	if err == nil {
		var all []Standing
		all, err = pgx.AppendRows([]Standing{}, rows, func(row pgx.CollectableRow) (s Standing, err error) {
			err = row.Scan(&s.Rank, &s.Player.ID, &s.Player.Name, &s.Points, (*int64)(&s.Prize), &s.EnteredAt)
			s.EnteredAt = s.EnteredAt.UTC()
			return s, err
		})
		if err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("read standings of tournament %s: %w", tournament, err)
}

// parameter is an id as an array element, in every protocol mode.
func parameter(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// none reports whether a query has found no row.
func none(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
