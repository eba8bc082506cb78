package play

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
)

// verdict is what play_claim says about a bet.
type verdict string

const (
	isNew        verdict = "new"
	isReplay     verdict = "replay"
	insufficient verdict = "insufficient"
	noAccount    verdict = "no_account"
	isFrozen     verdict = "frozen"
	isOpen       verdict = "open"
	isRefused    verdict = "refused"   // what protects the player says no
	isClosed     verdict = "closed"    // the table takes no bets now
	isFull       verdict = "full"      // nor any more of this player
	notFound     verdict = "not_found" // of an action's round
)

// claimed is a row of play_claim or play_claim_shared. The seed and nonce are there for
// isNew, at a shared table without the secret, the stored
// round for isReplay, the id of the round that is in the way for isOpen, and why in answer
// for isRefused.
type claimed struct {
	verdict    verdict
	account    uuid.UUID
	balance    money.Amount
	seed       uuid.UUID
	serverSeed string
	serverHash string
	clientSeed string
	nonce      uint64
	round      uuid.UUID
	hash       []byte
	answer     string
	at         time.Time
}

// begin starts the transaction. Behind a pooler the session's timeouts are not set
// at connect, so they are set here; elsewhere they are and stay.
const (
	begin         = `BEGIN`
	beginTimeouts = `SELECT set_config('statement_timeout', '5000', true), set_config('lock_timeout', '2000', true),
		set_config('idle_in_transaction_session_timeout', '5000', true)`
	beginMaxima = `SELECT set_config('play.maxima', $1, true)`
)

// opening is how the transactions of a desk begin.
type opening struct {
	pooled bool
	maxima string // the house's own limits, for play_refusal; empty when there are none
}

// queueBegin adds the start of a transaction to a pipeline.
func queueBegin(b *pgx.Batch, o opening) {
	b.Queue(begin)
	if o.pooled {
		b.Queue(beginTimeouts)
	}
	if o.maxima != "" {
		b.Queue(beginMaxima, o.maxima)
	}
}

const (
	claimSQL = `SELECT verdict, account, balance, seed, server_seed, server_hash, client_seed, nonce, round, request_hash, answer, at
		FROM play_claim($1, $2, $3, $4, $5, $6)`
	claimSharedSQL = `SELECT verdict, account, balance, seed, server_seed, server_hash, client_seed, nonce, round, request_hash, answer, at
		FROM play_claim_shared($1, $2, $3, $4, $5, $6)`
)

// claim begins the transaction and claims the bets, which are of different players and
// all at shared tables or none, in one round trip. The answer is in the order of the bets.
func claim(ctx context.Context, conn *pgx.Conn, o opening, asset money.Asset, bets []*Bet) ([]claimed, error) {
	var b pgx.Batch
	queueBegin(&b, o)
	players, keys, stakes := make([]pgtype.UUID, len(bets)), make([]string, len(bets)), make([]int64, len(bets))
	names, tables, stepped := make([]string, len(bets)), make([]string, len(bets)), make([]bool, len(bets))
	for i, bet := range bets {
		players[i], keys[i], stakes[i] = parameter(bet.player.ID), bet.key, int64(bet.stake)
		names[i], tables[i], stepped[i] = bet.game.Name, bet.table.ID, bet.game.Steps
	}
	sql, arguments := claimSQL, []any{players, keys, stakes, names, stepped, string(asset)}
	if bets[0].game.Shared {
		sql, arguments = claimSharedSQL, []any{players, keys, stakes, tables, MostBets, string(asset)}
	}
	var claims []claimed
	b.Queue(sql, arguments...).Query(func(rows pgx.Rows) (err error) {
		claims, err = pgx.AppendRows(make([]claimed, 0, len(bets)), rows, scanClaim)
		return err
	})
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	if len(claims) != len(bets) {
		return nil, fmt.Errorf("claim: %d answers to %d bets", len(claims), len(bets))
	}
	return claims, nil
}

func scanClaim(row pgx.CollectableRow) (claimed, error) {
	var c claimed
	var account, seed, round pgtype.UUID
	var balance, nonce pgtype.Int8
	var serverSeed, serverHash, clientSeed, answer pgtype.Text
	err := row.Scan((*string)(&c.verdict), &account, &balance, &seed, &serverSeed, &serverHash, &clientSeed, &nonce,
		&round, &c.hash, &answer, &c.at)
	c.account, c.seed, c.round = account.Bytes, seed.Bytes, round.Bytes
	c.balance, c.nonce = money.Amount(balance.Int64), uint64(nonce.Int64)
	c.serverSeed, c.serverHash, c.clientSeed, c.answer = serverSeed.String, serverHash.String, clientSeed.String, answer.String
	return c, err
}

// parameter is an id as an array element, of a type that pgx knows through a pooler.
func parameter(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }
