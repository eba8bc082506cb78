package play

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// stepClaim is what play_action_claim says: the round for isNew, and for isReplay its rules
// with the stored step's hash and answer.
type stepClaim struct {
	verdict    verdict
	account    uuid.UUID
	balance    money.Amount
	round      uuid.UUID
	table      string
	rules      string
	state      string
	asset      money.Asset
	params     json.RawMessage
	actions    []json.RawMessage
	stake      money.Amount
	staked     money.Amount
	nonce      uint64
	serverSeed string
	serverHash string
	clientSeed string
	hash       []byte
	answer     string
	at         time.Time
	lockedMS   int64  // since a shared table's last bet
	tableState string // of its round; empty for a player's own rounds
}

const stepClaimSQL = `SELECT verdict, account, balance, round, table_id, rules, state, asset, params, actions, stake, staked, nonce,
		server_seed, server_hash, client_seed, request_hash, answer, at, at_ms, table_state
	FROM play_action_claim($1, $2, $3)`

// claimStep begins the transaction and claims the step, in one round trip.
func claimStep(ctx context.Context, conn *pgx.Conn, o opening, s *Step) (*stepClaim, error) {
	var b pgx.Batch
	queueBegin(&b, o)
	var c stepClaim
	b.Queue(stepClaimSQL, parameter(s.player.ID), s.key, parameter(s.round)).QueryRow(func(row pgx.Row) error { return c.scan(row) })
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return nil, fmt.Errorf("claim action: %w", err)
	}
	return &c, nil
}

func (c *stepClaim) scan(row pgx.Row) error {
	var account, round pgtype.UUID
	var balance, stake, staked, nonce, lockedMS pgtype.Int8
	var table, rules, state, asset, params, serverSeed, serverHash, clientSeed, answer, tableState pgtype.Text
	var actions []string
	err := row.Scan((*string)(&c.verdict), &account, &balance, &round, &table, &rules, &state, &asset, &params, &actions, &stake, &staked, &nonce,
		&serverSeed, &serverHash, &clientSeed, &c.hash, &answer, &c.at, &lockedMS, &tableState)
	c.account, c.round = account.Bytes, round.Bytes
	c.balance, c.stake, c.staked = money.Amount(balance.Int64), money.Amount(stake.Int64), money.Amount(staked.Int64)
	c.table, c.rules, c.state, c.asset = table.String, rules.String, state.String, money.Asset(asset.String)
	c.params, c.nonce, c.answer = json.RawMessage(params.String), uint64(nonce.Int64), answer.String
	c.serverSeed, c.serverHash, c.clientSeed = serverSeed.String, serverHash.String, clientSeed.String
	c.lockedMS, c.tableState = lockedMS.Int64, tableState.String
	for _, a := range actions {
		c.actions = append(c.actions, json.RawMessage(a))
	}
	return err
}

const stepSQL = `SELECT play_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// settleStep stores a step, moves its money, queues its events and commits, in one round
// trip.
func settleStep(ctx context.Context, conn *pgx.Conn, m *made) error {
	s, r := m.step, &m.public
	var b pgx.Batch
	b.Queue(stepSQL, parameter(s.round), m.n, parameter(s.player.ID), s.key, m.hash[:], string(m.action.Text), int64(m.cost), string(m.answer),
		r.State, int64(r.Staked), int64(r.Payout), optional(r.Outcome))
	ledger.Queue(&b, m.claim.asset, m.transfers...)
	outbox.Queue(&b, m.events...)
	queueCommit(&b)
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("settle action: %w", err)
	}
	return nil
}
