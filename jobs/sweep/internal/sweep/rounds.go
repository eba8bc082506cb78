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

// stuck is a round that was open for too long.
type stuck struct {
	id, player uuid.UUID
	asset      money.Asset
}

// endStuck ends the rounds in which nothing was done for longer than c.RoundsOlderThan. The
// actions service plays them to their end, so that nobody who would lose can wait for the
// stake to come back, and moves the shared tables on that were left. Rounds in which nothing has happened yet are voided here: the player
// has the stake back. Each is a transaction of its own, so that one that cannot be voided
// keeps no other from it.
func endStuck(ctx context.Context, c Config, db *postgres.DB) Rounds {
	began := time.Now()
	f, err := finish(ctx, c, db)
	r := Rounds{Settled: f.Settled, Stuck: f.Failed}
	var left []stuck
	if err == nil {
		left, err = open(ctx, db, f.Void)
	}
	failures := []error{err}
	ended, void, err := endTables(ctx, c, db)
	r.Tables, left, failures = ended, append(left, void...), append(failures, err)
	for _, s := range left {
		switch ended, err := s.void(ctx, db); {
		case err != nil:
			failures = append(failures, err)
			r.Stuck++
		case ended:
			r.Voided++
		}
	}
	if f.Failed > 0 {
		failures = append(failures, fmt.Errorf("%d rounds could not be finished: the log of actions says why", f.Failed))
	}
	err = errors.Join(failures...)
	r.TookMS, r.OK = time.Since(began).Milliseconds(), err == nil
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// open returns those of the rounds that are open.
func open(ctx context.Context, db *postgres.DB, ids []uuid.UUID) ([]stuck, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, `SELECT id, player_id, asset FROM rounds WHERE id = ANY ($1) AND state = 'open'`, ids)
	if err != nil {
		return nil, fmt.Errorf("look for rounds to void: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stuck, err error) {
		err = row.Scan(&s.id, &s.player, (*string)(&s.asset))
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for rounds to void: %w", err)
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
