// Package seeds keeps the players' seed pairs (table seeds). A player always has an
// active pair and the hash of the next one; package fair says how draws come from a
// pair. Rotation reveals the active server seed and makes the next one active, with
// the client seed that the player chooses then, knowing only its hash.
//
// A pair changes only under the lock of the player's account, which every bet holds:
// no bet is played with a seed that is already revealed.
package seeds

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Pair is what a player may see of the active pair and the next one. Nonce is the
// one that the next bet takes.
type Pair struct {
	ClientSeed         string `json:"client_seed"`
	ServerSeedHash     string `json:"server_seed_hash"`
	NextServerSeedHash string `json:"next_server_seed_hash"`
	Nonce              uint64 `json:"nonce"`
}

// Revealed is a pair that is used no more. The bets made with it had the nonces 0 to
// Nonce-1.
type Revealed struct {
	ServerSeed     string `json:"server_seed"`
	ServerSeedHash string `json:"server_seed_hash"`
	ClientSeed     string `json:"client_seed"`
	Nonce          uint64 `json:"nonce"`
}

// Querier reads one row: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Transactor runs a function in a transaction, as *postgres.DB does.
type Transactor interface {
	InTx(ctx context.Context, fn func(pgx.Tx) error) error
}

// ErrNoPair says that the player does not exist here.
var ErrNoPair = errors.New("player has no seeds")

// Start makes the pairs of a new player, in the caller's transaction.
func Start(ctx context.Context, tx pgx.Tx, player uuid.UUID) error {
	seed, hash, err := fair.NewServerSeed()
	if err != nil {
		return fmt.Errorf("start seeds of player %s: %w", player, err)
	}
	const insert = `
		INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, activated_at)
		VALUES ($1, $2, 'active', $3, $4, $5, now())`
	if _, err := tx.Exec(ctx, insert, uuid.Must(uuid.NewV7()), player, seed, hash, fair.NewClientSeed()); err != nil {
		return fmt.Errorf("start seeds of player %s: %w", player, err)
	}
	return addNext(ctx, tx, player)
}

// Current returns the player's pair, or ErrNoPair.
func Current(ctx context.Context, q Querier, player uuid.UUID) (Pair, error) {
	const read = `
		SELECT a.client_seed, a.server_hash, n.server_hash, a.nonce
		FROM seeds a JOIN seeds n ON n.player_id = a.player_id AND n.state = 'next'
		WHERE a.player_id = $1 AND a.state = 'active'`
	var p Pair
	err := q.QueryRow(ctx, read, player).Scan(&p.ClientSeed, &p.ServerSeedHash, &p.NextServerSeedHash, &p.Nonce)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoPair
	}
	if err != nil {
		return Pair{}, fmt.Errorf("read seeds of player %s: %w", player, postgres.Problem(err))
	}
	return p, nil
}

// Rotate reveals the active server seed and starts the next pair with the given
// client seed. It returns the problem seed_invalid for a client seed that package
// fair does not take, round_open while a round that is not over draws from the active pair,
// and ErrNoPair. A rotation that is repeated rotates again.
func Rotate(ctx context.Context, db Transactor, player uuid.UUID, clientSeed string) (Pair, Revealed, error) {
	if !fair.ValidClientSeed(clientSeed) {
		return Pair{}, Revealed{}, problem.Of(problem.SeedInvalid, "A client seed is 1 to 64 of A-Z a-z 0-9 _ and -.")
	}
	var pair Pair
	var old Revealed
	err := db.InTx(ctx, func(tx pgx.Tx) (err error) {
		held, err := ledger.Lock(ctx, tx, []uuid.UUID{player}, money.Play)
		if err != nil {
			return err
		}
		if len(held) == 0 {
			return ErrNoPair
		}
		if err := idle(ctx, tx, player); err != nil {
			return err
		}
		if old, err = reveal(ctx, tx, player); err != nil {
			return err
		}
		if err := activate(ctx, tx, player, clientSeed); err != nil {
			return err
		}
		if err := addNext(ctx, tx, player); err != nil {
			return err
		}
		pair, err = Current(ctx, tx, player)
		return err
	})
	if err != nil {
		return Pair{}, Revealed{}, fmt.Errorf("rotate seeds of player %s: %w", player, postgres.Problem(err))
	}
	return pair, old, nil
}

// idle returns a problem unless all rounds of the active pair are over: who knows the seed
// knows what an open round will draw.
func idle(ctx context.Context, tx pgx.Tx, player uuid.UUID) error {
	const find = `
		SELECT r.id FROM rounds r JOIN seeds s ON s.id = r.seed_id
		WHERE r.player_id = $1 AND r.state = 'open' AND s.state = 'active' LIMIT 1`
	var open uuid.UUID
	switch err := tx.QueryRow(ctx, find, player).Scan(&open); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return problem.Of(problem.RoundOpen, "Your round %s draws from these seeds. Play it to its end first.", open)
}

func reveal(ctx context.Context, tx pgx.Tx, player uuid.UUID) (Revealed, error) {
	const update = `
		UPDATE seeds SET state = 'revealed', revealed_at = now() WHERE player_id = $1 AND state = 'active'
		RETURNING server_seed, server_hash, client_seed, nonce`
	var r Revealed
	err := tx.QueryRow(ctx, update, player).Scan(&r.ServerSeed, &r.ServerSeedHash, &r.ClientSeed, &r.Nonce)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoPair
	}
	return r, err
}

func activate(ctx context.Context, tx pgx.Tx, player uuid.UUID, clientSeed string) error {
	const update = `UPDATE seeds SET state = 'active', client_seed = $2, activated_at = now() WHERE player_id = $1 AND state = 'next'`
	tag, err := tx.Exec(ctx, update, player, clientSeed)
	if err == nil && tag.RowsAffected() != 1 {
		err = ErrNoPair
	}
	return err
}

// addNext makes the pair whose hash is shown before it is used.
func addNext(ctx context.Context, tx pgx.Tx, player uuid.UUID) error {
	seed, hash, err := fair.NewServerSeed()
	if err != nil {
		return fmt.Errorf("make next seed of player %s: %w", player, err)
	}
	const insert = `INSERT INTO seeds (id, player_id, state, server_seed, server_hash) VALUES ($1, $2, 'next', $3, $4)`
	if _, err := tx.Exec(ctx, insert, uuid.Must(uuid.NewV7()), player, seed, hash); err != nil {
		return fmt.Errorf("make next seed of player %s: %w", player, err)
	}
	return nil
}
