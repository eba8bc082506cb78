package leaderboard

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// DB runs a transaction, again after a failure that left nothing behind.
type DB interface {
	InTx(ctx context.Context, fn func(pgx.Tx) error) error
}

// Rebuilt is what a rebuild has done.
type Rebuilt struct {
	Players int64 `json:"players"` // whose rounds were read
	Rounds  int64 `json:"rounds"`  // that were read, or 1 for a player without a settled one
	Batches int64 `json:"batches"`
	Removed int64 `json:"removed"` // rows that no round stands behind
}

// Rebuild makes all boards anew from the rounds, in transactions that read batch rounds,
// or more when one player has more. Facts may be applied at the same time: those of a
// player wait while the player's rounds are read. It can be stopped and run again at any
// time. Told so, it reports how far it has come after each batch.
//
// A player's name is the one that the table of players has now.
func Rebuild(ctx context.Context, db DB, batch int, tell func(Rebuilt)) (Rebuilt, error) {
	var r Rebuilt
	var number int64
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT leaderboard_begin()`).Scan(&number)
	})
	if err != nil {
		return r, fmt.Errorf("begin to rebuild the leaderboard: %w", err)
	}
	after := uuid.Nil
	for done := false; !done; {
		var upto uuid.UUID
		var players, rounds int64
		err := db.InTx(ctx, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `SELECT after, players, rounds, done FROM leaderboard_rebuild($1, $2)`, after, max(batch, 1)).
				Scan(&upto, &players, &rounds, &done)
		})
		if err != nil {
			return r, fmt.Errorf("rebuild the leaderboard after player %s: %w", after, err)
		}
		after = upto
		r.Players, r.Rounds, r.Batches = r.Players+players, r.Rounds+rounds, r.Batches+1
		if tell != nil {
			tell(r)
		}
	}
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT leaderboard_end($1)`, number).Scan(&r.Removed)
	})
	if err != nil {
		return r, fmt.Errorf("end the rebuild of the leaderboard: %w", err)
	}
	return r, nil
}
