package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/postgres"
)

// stuckBatch bounds the rounds that one run ends.
const stuckBatch = 500

// stuck is a round that was open for too long.
type stuck struct {
	id, player uuid.UUID
	asset      money.Asset
}

// endStuck voids the rounds that are open for longer than c.RoundsOlderThan: the player
// has all stakes back. Each is a transaction of its own, so that one that cannot be
// voided keeps no other from it.
func endStuck(ctx context.Context, c Config, db *postgres.DB) Rounds {
	began := time.Now()
	var r Rounds
	found, err := findStuck(ctx, c, db)
	if err == nil {
		var failures []error
		for _, s := range found {
			switch ended, err := s.void(ctx, db); {
			case err != nil:
				failures = append(failures, err)
			case ended:
				r.Voided++
			}
		}
		err = errors.Join(failures...)
		r.Stuck = int64(len(failures))
	}
	r.TookMS, r.OK = time.Since(began).Milliseconds(), err == nil
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func findStuck(ctx context.Context, c Config, db *postgres.DB) ([]stuck, error) {
	rows, err := db.Query(ctx, `
		SELECT id, player_id, asset FROM rounds
		WHERE state = 'open' AND created_at < now() - make_interval(secs => $1)
		ORDER BY created_at LIMIT $2`, c.RoundsOlderThan.Seconds(), stuckBatch)
	if err != nil {
		return nil, fmt.Errorf("look for stuck rounds: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stuck, err error) {
		err = row.Scan(&s.id, &s.player, (*string)(&s.asset))
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for stuck rounds: %w", err)
	}
	return found, nil
}

// void ends a round and gives back what was held for it. It reports false when the round has ended
// meanwhile.
func (s stuck) void(ctx context.Context, db *postgres.DB) (ended bool, err error) {
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		// First the account, then the round: the order of whoever plays it.
		held, err := ledger.Lock(ctx, tx, []uuid.UUID{s.player}, s.asset)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			return ledger.ErrNoAccount
		}
		var staked money.Amount
		err = tx.QueryRow(ctx, `UPDATE rounds SET state = 'void', settled_at = now() WHERE id = $1 AND state = 'open' RETURNING coalesce(staked, stake)`, s.id).
			Scan((*int64)(&staked))
		ended = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ledger.Post(ctx, tx, s.asset, ledger.VoidOf(s.id, held[0].Account, staked)); err != nil {
			return err
		}
		return s.announce(ctx, tx, held[0].Amount+staked)
	})
	if err != nil {
		return false, fmt.Errorf("void round %s: %w", s.id, err)
	}
	return ended, nil
}

// announce tells the player's sockets the new balance.
func (s stuck) announce(ctx context.Context, tx pgx.Tx, balance money.Amount) error {
	id := uuid.Must(uuid.NewV7())
	body, err := json.Marshal([]any{struct {
		Balance money.Amount `json:"balance"`
		Asset   money.Asset  `json:"asset"`
		Round   uuid.UUID    `json:"round"`
		EventID uuid.UUID    `json:"event_id"`
	}{balance, s.asset, s.id, id}})
	if err != nil {
		return fmt.Errorf("encode balance: %w", err)
	}
	return outbox.Add(ctx, tx, outbox.Row{EventID: id, Sink: outbox.Room, Key: "player:" + s.player.String(), Type: "balance", Body: body})
}
