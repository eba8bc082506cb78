package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

const (
	recordSQL = `SELECT play_record($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	commit    = `COMMIT`
)

// settle stores the decisions, moves their money, queues their events and commits,
// in one round trip.
func settle(ctx context.Context, conn *pgx.Conn, asset money.Asset, ds []*decision) error {
	var b pgx.Batch
	b.Queue(recordSQL, columns(asset, ds)...)
	transfers, events := make([]ledger.Transfer, 0, 2*len(ds)), make([]outbox.Row, 0, 3*len(ds))
	for _, d := range ds {
		transfers, events = append(transfers, d.transfers...), append(events, d.events...)
	}
	ledger.Queue(&b, asset, transfers...)
	outbox.Queue(&b, events...)
	queueCommit(&b)
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

// queueCommit adds the end of the transaction to a pipeline.
func queueCommit(b *pgx.Batch) {
	b.Queue(commit).Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != commit {
			return errors.New("the server rolled back")
		}
		return nil
	})
}

// columns are the arguments of play_record.
func columns(asset money.Asset, ds []*decision) []any {
	n := len(ds)
	ids, players, seeds := make([]pgtype.UUID, n), make([]pgtype.UUID, n), make([]pgtype.UUID, n)
	keys, games, tables, rules := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	params, outcomes, answers, states := make([]string, n), make([]pgtype.Text, n), make([]string, n), make([]string, n)
	hashes, stakes, payouts, nonces := make([][]byte, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, d := range ds {
		bet := d.bet
		ids[i], players[i], seeds[i] = parameter(bet.round), parameter(bet.player.ID), parameter(d.claim.seed)
		keys[i], games[i], tables[i], rules[i] = bet.key, bet.game.Name, bet.table.ID, bet.game.Rules
		params[i], outcomes[i], answers[i], states[i] = string(bet.move.Params), optional(d.public.Outcome), string(d.answer), d.public.State
		hashes[i], stakes[i], payouts[i], nonces[i] = bet.hash[:], int64(bet.stake), int64(d.public.Payout), int64(d.claim.nonce)
	}
	return []any{ids, players, keys, hashes, games, tables, rules, string(asset), stakes, payouts, seeds, nonces, params, outcomes, answers, states}
}

// optional is a text that is NULL when there is none.
func optional(text json.RawMessage) pgtype.Text {
	return pgtype.Text{String: string(text), Valid: text != nil}
}
