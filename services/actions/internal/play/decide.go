package play

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// decision is everything that settle stores of one bet.
type decision struct {
	bet       *Bet
	claim     *claimed
	outcome   json.RawMessage
	payout    money.Amount
	answer    []byte
	transfers []ledger.Transfer
	events    []outbox.Row
}

// decide plays a claimed bet: the draws of its nonce, the game's rules, the payout.
// It does no I/O and depends on its arguments alone, but for the ids that it makes.
func decide(bet *Bet, c *claimed, asset money.Asset) (*decision, error) {
	result, err := bet.move.Play(fair.NewStream(c.serverSeed, c.clientSeed, c.nonce))
	if err != nil {
		return nil, err
	}
	payout, err := bet.stake.Times(result.Pays)
	if err != nil {
		return nil, err
	}
	balance, err := money.Sum(c.balance, -bet.stake, payout)
	if err != nil {
		return nil, err
	}
	d := &decision{bet: bet, claim: c, outcome: result.Outcome, payout: payout}
	d.transfers = append(d.transfers, ledger.StakeOf(bet.round, c.account, bet.stake))
	if payout > 0 {
		d.transfers = append(d.transfers, ledger.PayoutOf(bet.round, c.account, payout))
	}
	public := Round{
		ID: bet.round, Game: bet.game.Name, Table: bet.table.ID, State: settled, Stake: bet.stake, Payout: payout,
		Outcome: result.Outcome, Nonce: c.nonce, ClientSeed: c.clientSeed, ServerSeedHash: c.serverHash, Rules: bet.game.Rules,
	}
	d.answer, err = json.Marshal(struct {
		Round answered `json:"round"`
	}{answered{public, balance}})
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	if err := d.announce(public, balance, asset); err != nil {
		return nil, err
	}
	return d, nil
}

// announce makes the outbox rows: to everybody at the table, to the player, and the
// fact to the other services.
func (d *decision) announce(public Round, balance money.Amount, asset money.Asset) error {
	bet, at := d.bet, d.claim.at.UTC()
	forTable, forPlayer, fact := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	add := func(row outbox.Row, body any) error {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode %s of round %s: %w", row.Type, bet.round, err)
		}
		row.Body, row.Traceparent = text, bet.traceparent
		d.events = append(d.events, row)
		return nil
	}
	err := add(outbox.Row{EventID: forTable, Sink: outbox.Room, Key: "table:" + bet.table.ID, Type: "round"}, []roundEvent{{
		Round: public, Player: bet.player, SettledAt: at, EventID: forTable, Traceparent: bet.traceparent,
	}})
	if err != nil {
		return err
	}
	err = add(outbox.Row{EventID: forPlayer, Sink: outbox.Room, Key: "player:" + bet.player.ID.String(), Type: "balance"}, []balanceEvent{{
		Balance: balance, Asset: asset, Round: bet.round, EventID: forPlayer, Traceparent: bet.traceparent,
	}})
	if err != nil {
		return err
	}
	return add(outbox.Row{EventID: fact, Sink: outbox.Fact, Key: bet.table.ID, Type: event.TypeRoundSettled}, event.RoundSettled{
		Round: bet.round, Player: bet.player.ID, Name: bet.player.Name, Game: bet.game.Name, Table: bet.table.ID,
		Rules: bet.game.Rules, Asset: asset, Stake: bet.stake, Payout: d.payout, SettledAt: at,
	})
}
