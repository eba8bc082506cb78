package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/play"
)

// void is the state of a round that counts for nobody.
const void = "void"

// round is a table's round with its secrets.
type round struct {
	id                                            uuid.UUID
	seq                                           int64
	rules, state                                  string
	serverSeed, serverHash, clientSeed            string
	chain                                         uuid.UUID // nil without one
	link                                          int32
	openedAt, locksAt, lockedAt, dueAt, settledAt time.Time
}

// draw is what the round comes to, and how long after its lock that is there.
func (r *round) draw() (outcome json.RawMessage, lasts time.Duration, err error) {
	game, err := games.Version(r.rules)
	if err != nil {
		return nil, 0, fmt.Errorf("rules %q are not here: %w", r.rules, err)
	}
	return game.Draw(game.Draws(r.serverSeed, r.clientSeed, uint64(r.seq)))
}

// result is what ends the round's bets.
func (r *round) result(table games.Table) play.Result {
	return play.Result{
		Round: r.id, Table: table, Seq: uint64(r.seq), ServerSeed: r.serverSeed, ServerHash: r.serverHash, ClientSeed: r.clientSeed,
	}
}

// lock closes the round for bets.
func (s *step) lock(ctx context.Context) error {
	r := s.round
	_, lasts, err := r.draw()
	if err != nil {
		return err
	}
	if game, err := games.Version(r.rules); err == nil && !game.Timed() {
		lasts = s.faster(lasts)
	}
	err = s.tx.QueryRow(ctx, `SELECT locked_at, due_at FROM table_lock($1, $2)`, r.id, lasts.Milliseconds()).Scan(&r.lockedAt, &r.dueAt)
	if err != nil {
		return fmt.Errorf("lock round %s: %w", r.id, err)
	}
	r.state, s.at, s.next = Locked, r.lockedAt, r.dueAt
	s.again = !r.dueAt.After(r.lockedAt)
	return s.tell(ctx, r.lockedAt, nil)
}

// settle ends some of the round's bets, or, when there are none, the round.
func (s *step) settle(ctx context.Context) (err error) {
	r := s.round
	s.again = true
	if s.ended, err = s.floor.desk.EndBets(ctx, s.tx, r.result(s.table), chunk); err != nil {
		return err
	}
	if len(s.ended) > 0 {
		s.told = true
		return nil
	}
	outcome, _, err := r.draw()
	if err != nil {
		return err
	}
	err = s.tx.QueryRow(ctx, `SELECT settled_at FROM table_settle($1, $2, $3)`, r.id, string(asset), string(outcome)).Scan(&r.settledAt)
	if err != nil {
		return fmt.Errorf("settle round %s: %w", r.id, err)
	}
	r.state, s.at, s.again = Settled, r.settledAt, false
	s.next = r.settledAt.Add(s.faster(s.table.Pause))
	return s.tell(ctx, r.settledAt, outcome)
}

// endLeft ends bets of rounds that are settled: those of accounts that were frozen then.
func (s *step) endLeft(ctx context.Context) error {
	const left = `
		SELECT t.id, t.seq, t.server_seed, t.server_hash, t.client_seed
		FROM (SELECT DISTINCT r.seed_id FROM rounds r JOIN ledger_accounts a ON a.owner = r.player_id AND a.asset = r.asset
		      WHERE r.state = 'open' AND r.table_id = $1 AND a.frozen_at IS NULL) r
		JOIN table_rounds t ON t.id = r.seed_id AND t.state = 'settled' ORDER BY t.seq LIMIT 1`
	var r round
	err := s.tx.QueryRow(ctx, left, s.table.ID).Scan(&r.id, &r.seq, &r.serverSeed, &r.serverHash, &r.clientSeed)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look for bets that were left: %w", err)
	}
	s.ended, err = s.floor.desk.EndBets(ctx, s.tx, r.result(s.table), chunk)
	s.again, s.told = len(s.ended) > 0, len(s.ended) > 0
	return err
}
