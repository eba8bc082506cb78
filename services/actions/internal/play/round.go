package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// States of a round: the third is void.
const (
	underWay = "open"
	settled  = "settled" // the money has moved
)

// Round is what everybody may know of a round. Amounts are in minor units. Of an open
// round View is what its player sees, and there is no Outcome; of a settled one it is the
// other way round.
type Round struct {
	ID             uuid.UUID       `json:"id"`
	Game           string          `json:"game"`
	Table          string          `json:"table"`
	State          string          `json:"state"`
	Stake          money.Amount    `json:"stake"`
	Staked         money.Amount    `json:"staked"` // with what its actions have cost
	Payout         money.Amount    `json:"payout"`
	Jackpot        money.Amount    `json:"jackpot,omitempty"` // that the round has won, beside Payout
	Outcome        json.RawMessage `json:"outcome"`
	View           json.RawMessage `json:"view,omitempty"`
	Nonce          uint64          `json:"nonce"`
	ClientSeed     string          `json:"client_seed"`
	ServerSeedHash string          `json:"server_seed_hash"`
	Rules          string          `json:"rules"`
}

// answered is the round in the answer to its bet: with the balance after it.
type answered struct {
	Round
	Balance money.Amount `json:"balance"`
}

// Record is a round as its player may look it up. ServerSeed is empty until the seed
// is revealed; from then on the record holds all that a check of the round takes.
type Record struct {
	Round
	Params     json.RawMessage `json:"params"`
	ServerSeed string          `json:"server_seed,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	SettledAt  time.Time       `json:"settled_at,omitzero"`
}

// Querier reads one row: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Find returns a round of the player. Another player's round is the same problem
// not_found as one that does not exist.
func Find(ctx context.Context, q Querier, player, id uuid.UUID) (Record, error) {
	const find = `
		SELECT r.game, r.table_id, r.rules, r.state, r.stake, coalesce(r.staked, r.stake), r.payout, r.nonce, r.params::text, r.outcome::text, r.created_at, r.settled_at,
		       s.client_seed, s.server_hash, s.server_seed,
		       CASE WHEN r.state = 'open' THEN coalesce((SELECT answer FROM round_steps WHERE round_id = r.id ORDER BY n DESC LIMIT 1), r.answer) END
		FROM rounds r JOIN round_sources s ON s.id = r.seed_id
		WHERE r.id = $1 AND r.player_id = $2`
	r := Record{Round: Round{ID: id}}
	var params string
	var outcome, serverSeed, latest pgtype.Text
	var settledAt pgtype.Timestamptz
	err := q.QueryRow(ctx, find, id, player).Scan(&r.Game, &r.Table, &r.Rules, &r.State, (*int64)(&r.Stake), (*int64)(&r.Staked), (*int64)(&r.Payout),
		&r.Nonce, &params, &outcome, &r.CreatedAt, &settledAt, &r.ClientSeed, &r.ServerSeedHash, &serverSeed, &latest)
	if errors.Is(err, pgx.ErrNoRows) {
		return Record{}, NotFound()
	}
	if err != nil {
		return Record{}, fmt.Errorf("find round %s: %w", id, postgres.Problem(err))
	}
	r.Params, r.ServerSeed = json.RawMessage(params), serverSeed.String
	if outcome.Valid {
		r.Outcome = json.RawMessage(outcome.String)
	}
	if latest.Valid {
		told, err := roundIn([]byte(latest.String))
		if err != nil {
			return Record{}, fmt.Errorf("find round %s: %w", id, err)
		}
		r.View = told.View
	}
	r.CreatedAt, r.SettledAt = r.CreatedAt.UTC(), settledAt.Time.UTC()
	return r, nil
}

// roundIn is the round in a stored answer.
func roundIn(answer []byte) (answered, error) {
	var a struct {
		Round *answered `json:"round"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return answered{}, fmt.Errorf("read stored answer: %w", err)
	}
	if a.Round == nil {
		return answered{}, errors.New("read stored answer: no round")
	}
	return *a.Round, nil
}

// NotFound is the one answer to a round that is not there for its caller.
func NotFound() error { return problem.Of(problem.NotFound, "There is no such round.") }
