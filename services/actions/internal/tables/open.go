package tables

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// asset is what is played for at shared tables.
const asset = money.Play

// links is the length of a chain: a day and more of crash.
const links = 10_000

// source is where the draws of a round come from.
type source struct {
	serverSeed, serverHash, clientSeed string
	chain                              uuid.UUID // nil without one
}

// open opens the next round.
func (s *step) open(ctx context.Context) error {
	game, err := games.Find(s.table.Game)
	if err != nil {
		return err
	}
	id := uuid.Must(uuid.NewV7())
	from, err := s.source(ctx, game, id)
	if err != nil {
		return fmt.Errorf("open a round: %w", err)
	}
	r := &round{
		id: id, rules: game.Rules, state: Open, serverSeed: from.serverSeed, serverHash: from.serverHash, clientSeed: from.clientSeed, chain: from.chain,
	}
	const open = `SELECT seq, coalesce(link, 0), opened_at, locks_at FROM table_open($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	err = s.tx.QueryRow(ctx, open, id, s.table.ID, game.Name, game.Rules, from.serverSeed, from.serverHash, from.clientSeed,
		pgtype.UUID{Bytes: from.chain, Valid: from.chain != uuid.Nil}, max(1, s.faster(s.table.Betting).Milliseconds())).
		Scan(&r.seq, &r.link, &r.openedAt, &r.locksAt)
	if err != nil {
		return fmt.Errorf("open round %s: %w", id, err)
	}
	s.round, s.at, s.next = r, r.openedAt, r.locksAt
	return s.tell(ctx, r.openedAt, nil)
}

func (s *step) source(ctx context.Context, game games.Game, id uuid.UUID) (source, error) {
	if game.Chain {
		return s.link(ctx)
	}
	seed, hash, err := fair.NewServerSeed()
	return source{serverSeed: seed, serverHash: hash, clientSeed: id.String()}, err
}

// link is the next one of the table's chain, or the first one of a new chain. The first
// link that is played is the one whose hash is the commitment.
func (s *step) link(ctx context.Context) (source, error) {
	var from source
	var root, commitment string
	var length, used int
	err := s.tx.QueryRow(ctx, `SELECT id, root, commitment, salt, links, used FROM table_chains WHERE table_id = $1 AND used < links`, s.table.ID).
		Scan(&from.chain, &root, &commitment, &from.clientSeed, &length, &used)
	if errors.Is(err, pgx.ErrNoRows) {
		var salt string
		if root, _, err = fair.NewServerSeed(); err == nil {
			salt, _, err = fair.NewServerSeed()
		}
		if err != nil {
			return source{}, err
		}
		from.clientSeed = salt[:32]
		from.chain, length, used = uuid.Must(uuid.NewV7()), links, 0
		commitment = hashed(root, length)
		_, err = s.tx.Exec(ctx, `SELECT table_chain_start($1, $2, $3, $4, $5, $6)`, from.chain, s.table.ID, root, commitment, from.clientSeed, length)
	}
	if err != nil {
		return source{}, fmt.Errorf("chain: %w", err)
	}
	from.serverSeed = hashed(root, length-used-1)
	if from.serverHash = fair.Hash(from.serverSeed); used == 0 && from.serverHash != commitment {
		return source{}, fmt.Errorf("chain %s does not begin at its commitment", from.chain)
	}
	return from, nil
}

// hashed hashes a game hash so many times.
func hashed(hash string, times int) string {
	for range times {
		hash = fair.Hash(hash)
	}
	return hash
}
