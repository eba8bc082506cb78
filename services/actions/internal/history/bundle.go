package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/verify"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Bundle returns the bundle of a settled round of the player, in its one form. It returns
// the problem seed_not_revealed while the seed is secret, round_open and round_void for a
// round that has no result, and not_found as play.Find does.
func Bundle(ctx context.Context, q Querier, player, id uuid.UUID) ([]byte, error) {
	b, moments, err := settled(ctx, q, player, id)
	if err != nil {
		return nil, err
	}
	if b.Actions, moments, err = actions(ctx, q, id, moments); err != nil {
		return nil, err
	}
	if b.Postings, err = postings(ctx, q, id, moments); err != nil {
		return nil, err
	}
	game, err := games.Version(b.Rules)
	if err != nil {
		return nil, fmt.Errorf("bundle of round %s: rules %q are not here", id, b.Rules)
	}
	b.RulesHash = game.Hash
	text, err := b.Text()
	if err != nil {
		return nil, fmt.Errorf("bundle of round %s: %w", id, err)
	}
	return text, nil
}

// settled reads the round, and the moments at which its money has moved.
func settled(ctx context.Context, q Querier, player, id uuid.UUID) (verify.Bundle, []time.Time, error) {
	const find = `
		SELECT r.game, r.rules, r.asset, r.stake, coalesce(r.staked, r.stake), r.payout, r.nonce, r.params::text, r.outcome::text, r.state,
		       r.created_at, r.settled_at, s.client_seed, s.server_hash, s.server_seed, c.commitment, s.link
		FROM rounds r JOIN round_sources s ON s.id = r.seed_id LEFT JOIN table_chains c ON c.id = s.chain_id
		WHERE r.id = $1 AND r.player_id = $2`
	b := verify.Bundle{Round: id.String(), Seeds: &verify.Seeds{}}
	var params, state string
	var outcome, seed, commitment pgtype.Text
	var link pgtype.Int4
	var began time.Time
	var ended pgtype.Timestamptz
	err := q.QueryRow(ctx, find, id, player).Scan(&b.Game, &b.Rules, (*string)(&b.Asset), (*int64)(&b.Stake), (*int64)(&b.Staked), (*int64)(&b.Payout),
		&b.Seeds.Nonce, &params, &outcome, &state, &began, &ended, &b.Seeds.ClientSeed, &b.Seeds.ServerSeedHash, &seed,
		&commitment, &link)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return b, nil, play.NotFound()
	case err != nil:
		return b, nil, fmt.Errorf("bundle of round %s: %w", id, postgres.Problem(err))
	case state == "open":
		return b, nil, problem.Of(problem.RoundOpen, "This round is not over.")
	case state != "settled":
		return b, nil, problem.Of(problem.RoundVoid, "This round did not count: there is nothing to verify.")
	case !seed.Valid:
		return b, nil, problem.Of(problem.SeedNotRevealed, "The server seed of this round is still in use: rotate your seeds, or wait for the table's result.")
	}
	b.Params, b.Outcome, b.Seeds.ServerSeed = json.RawMessage(params), json.RawMessage(outcome.String), seed.String
	if commitment.Valid {
		b.Chain = &verify.Chain{Commitment: commitment.String, GameHash: seed.String, Salt: b.Seeds.ClientSeed, Steps: int(link.Int32)}
		b.Seeds = nil
	}
	return b, []time.Time{began, ended.Time}, nil
}

// actions are those that the round took, in their order.
func actions(ctx context.Context, q Querier, id uuid.UUID, moments []time.Time) ([]json.RawMessage, []time.Time, error) {
	rows, err := q.Query(ctx, `SELECT action::text, created_at FROM round_steps WHERE round_id = $1 ORDER BY n`, id)
	if err != nil {
		return nil, nil, fmt.Errorf("actions of round %s: %w", id, postgres.Problem(err))
	}
	taken := []json.RawMessage{}
	var text string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&text, &at}, func() error {
		taken, moments = append(taken, json.RawMessage(text)), append(moments, at)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("actions of round %s: %w", id, postgres.Problem(err))
	}
	return taken, moments, nil
}

// postings are the round's transfers in the order in which they were booked. An index on
// the round would cost every bet; the moments are those of the round's transactions, which
// the index by time finds.
func postings(ctx context.Context, q Querier, id uuid.UUID, moments []time.Time) ([]verify.Posting, error) {
	rows, err := q.Query(ctx, `SELECT kind, amount FROM ledger_transfers WHERE created_at = ANY ($2) AND round_id = $1 ORDER BY created_at, id`, id, moments)
	if err != nil {
		return nil, fmt.Errorf("postings of round %s: %w", id, postgres.Problem(err))
	}
	posted, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p verify.Posting, err error) {
		err = row.Scan(&p.Kind, (*int64)(&p.Amount))
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("postings of round %s: %w", id, postgres.Problem(err))
	}
	return posted, nil
}
