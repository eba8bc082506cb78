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

// settled is the state of a round whose money has moved.
const settled = "settled"

// Round is what everybody may know of a round. Amounts are in minor units.
type Round struct {
	ID             uuid.UUID       `json:"id"`
	Game           string          `json:"game"`
	Table          string          `json:"table"`
	State          string          `json:"state"`
	Stake          money.Amount    `json:"stake"`
	Payout         money.Amount    `json:"payout"`
	Outcome        json.RawMessage `json:"outcome"`
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

// roundEvent is the argument of the socket event "round".
type roundEvent struct {
	Round
	Player      Player    `json:"player"`
	SettledAt   time.Time `json:"settled_at"`
	EventID     uuid.UUID `json:"event_id"`
	Traceparent string    `json:"traceparent"`
}

// balanceEvent is the argument of the socket event "balance".
type balanceEvent struct {
	Balance     money.Amount `json:"balance"`
	Asset       money.Asset  `json:"asset"`
	Round       uuid.UUID    `json:"round"`
	EventID     uuid.UUID    `json:"event_id"`
	Traceparent string       `json:"traceparent"`
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
		SELECT r.game, r.table_id, r.rules, r.state, r.stake, r.payout, r.nonce, r.params::text, r.outcome::text, r.created_at, r.settled_at,
		       s.client_seed, s.server_hash, CASE WHEN s.state = 'revealed' THEN s.server_seed END
		FROM rounds r JOIN seeds s ON s.id = r.seed_id
		WHERE r.id = $1 AND r.player_id = $2`
	r := Record{Round: Round{ID: id}}
	var params string
	var outcome, serverSeed pgtype.Text
	var settledAt pgtype.Timestamptz
	err := q.QueryRow(ctx, find, id, player).Scan(&r.Game, &r.Table, &r.Rules, &r.State, (*int64)(&r.Stake), (*int64)(&r.Payout),
		&r.Nonce, &params, &outcome, &r.CreatedAt, &settledAt, &r.ClientSeed, &r.ServerSeedHash, &serverSeed)
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
	r.CreatedAt, r.SettledAt = r.CreatedAt.UTC(), settledAt.Time.UTC()
	return r, nil
}

// NotFound is the one answer to a round that is not there for its caller.
func NotFound() error { return problem.Of(problem.NotFound, "There is no such round.") }
