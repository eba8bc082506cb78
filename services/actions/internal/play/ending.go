package play

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// MostBets is how many bets of one player a round of a shared table takes.
const MostBets = 100

// Result is a shared table's round whose result is there: what ends its bets.
type Result struct {
	Round      uuid.UUID // of the table
	Table      games.Table
	Seq        uint64
	ServerSeed string
	ServerHash string
	ClientSeed string
}

// Ended is a bet that a result has ended.
type Ended struct {
	round  Round
	prizes []money.Prize
}

// Count tells of bets whose end is committed.
func (d *Desk) Count(ended []Ended) {
	for _, e := range ended {
		d.count(&e.round, e.prizes)
	}
}

// atTable is an open bet that was read under the lock of its account.
type atTable struct {
	round   uuid.UUID
	player  Player
	account uuid.UUID
	balance money.Amount
	rules   string
	stake   money.Amount
	params  json.RawMessage
}

// EndBets ends open bets at a shared table, at most so many, in a transaction of the
// caller: it locks their accounts, stores their end, moves their money and queues their
// events. None means that all have ended, but those of frozen accounts.
func (d *Desk) EndBets(ctx context.Context, tx pgx.Tx, result Result, most int) ([]Ended, error) {
	bets, at, err := d.betsAt(ctx, tx, result.Round, most)
	if err != nil || len(bets) == 0 {
		return nil, err
	}
	all := ending{result: result, asset: d.asset, at: at.UTC(), balances: make(map[uuid.UUID]money.Amount, len(bets))}
	for _, bet := range bets {
		if err := all.end(bet); err != nil {
			return nil, fmt.Errorf("end bet %s: %w", bet.round, err)
		}
	}
	if err := all.store(ctx, tx); err != nil {
		return nil, fmt.Errorf("end %d bets of round %s: %w", len(bets), result.Round, err)
	}
	return all.ended, nil
}

// betsAt reads and locks, and returns the time of the transaction, too.
func (d *Desk) betsAt(ctx context.Context, tx pgx.Tx, round uuid.UUID, most int) (bets []atTable, at time.Time, err error) {
	rows, err := tx.Query(ctx, `SELECT round, player, name, account, balance, rules, stake, params, now() FROM play_bets($1, $2, $3)`,
		parameter(round), most, string(d.asset))
	if err != nil {
		return nil, at, fmt.Errorf("claim bets of round %s: %w", round, err)
	}
	bets, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (b atTable, err error) {
		var params string
		err = row.Scan(&b.round, &b.player.ID, &b.player.Name, &b.account, (*int64)(&b.balance), &b.rules, (*int64)(&b.stake), &params, &at)
		b.params = json.RawMessage(params)
		return b, err
	})
	if err != nil {
		return nil, at, fmt.Errorf("claim bets of round %s: %w", round, err)
	}
	return bets, at, nil
}

// ending is what a result makes of a set of bets: the arguments of play_end, and the rest.
type ending struct {
	result   Result
	asset    money.Asset
	at       time.Time
	balances map[uuid.UUID]money.Amount // of accounts, as they are after the bets so far

	ended     []Ended
	transfers []ledger.Transfer
	events    []outbox.Row

	rounds, players  []pgtype.UUID
	payouts          []int64
	outcomes, keys   []string
	hashes           [][]byte
	actions, answers []pgtype.Text
}

// end plays one bet to its end.
func (e *ending) end(bet atTable) error {
	r := e.result
	game, err := games.Version(bet.rules)
	if err != nil {
		return fmt.Errorf("rules %q are not here: %w", bet.rules, err)
	}
	after, action, prizes, err := last(game, bet.params, game.Draws(r.ServerSeed, r.ClientSeed, r.Seq))
	if err != nil {
		return err
	}
	public := Round{
		ID: bet.round, Game: game.Name, Table: r.Table.ID, Stake: bet.stake, Staked: bet.stake,
		Nonce: r.Seq, ClientSeed: r.ClientSeed, ServerSeedHash: r.ServerHash, Rules: game.Rules,
	}
	if err := public.end(after); err != nil {
		return err
	}
	e.transfers = append(e.transfers, ledger.StakeHeld(bet.round, bet.stake))
	before, known := e.balances[bet.account]
	if !known {
		before = bet.balance
	}
	if public.Payout > 0 {
		e.transfers = append(e.transfers, ledger.PayoutOf(bet.round, bet.account, public.Payout))
	}
	balance, err := before.Add(public.Payout)
	if err != nil {
		return err
	}
	e.balances[bet.account] = balance
	rows, err := told{player: bet.player, asset: e.asset, at: e.at}.events(everybody(r.Table.ID), public, balance, public.Payout > 0)
	if err != nil {
		return err
	}
	e.events = append(e.events, rows...)
	e.ended = append(e.ended, Ended{public, prizes})
	return e.add(public, balance, bet, action)
}

// add adds the arguments of play_end. An action is stored with an answer, as one that the
// player has taken.
func (e *ending) add(public Round, balance money.Amount, bet atTable, action games.Action) error {
	var text, answer pgtype.Text
	if action.Text != nil {
		body, err := encodeAnswer(public, balance)
		if err != nil {
			return err
		}
		text, answer = optional(action.Text), optional(body)
	}
	hash := digest(bet.round, action.Text)
	e.rounds, e.players = append(e.rounds, parameter(bet.round)), append(e.players, parameter(bet.player.ID))
	e.payouts, e.outcomes = append(e.payouts, int64(public.Payout)), append(e.outcomes, string(public.Outcome))
	e.keys, e.hashes = append(e.keys, "end-"+bet.round.String()), append(e.hashes, hash[:])
	e.actions, e.answers = append(e.actions, text), append(e.answers, answer)
	return nil
}

// last plays a bet with a draw, and the action that ends it if its game has one.
func last(game games.Game, params json.RawMessage, draws fair.Draws) (r games.Round, action games.Action, prizes []money.Prize, err error) {
	move, err := game.Read(params)
	if err == nil {
		r, err = move.Open(draws)
	}
	if err != nil {
		return r, action, nil, fmt.Errorf("open: %s", err.Error()) // a stored bet that the rules refuse is the house's fault
	}
	action, ok, err := game.End()
	if err == nil && ok {
		r, err = r.Act(action, draws)
	}
	if err == nil && !r.Over {
		err = fmt.Errorf("a round of %s is open after its end", game.Rules)
	}
	return r, action, move.Prizes, err
}

// store does all of it in one round trip.
func (e *ending) store(ctx context.Context, tx pgx.Tx) error {
	var b pgx.Batch
	b.Queue(`SELECT play_end($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.rounds, e.players, e.payouts, e.outcomes, e.keys, e.hashes, e.actions, e.answers)
	ledger.Queue(&b, e.asset, e.transfers...)
	outbox.Queue(&b, e.events...)
	return tx.SendBatch(ctx, &b).Close()
}
