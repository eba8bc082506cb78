package play

import (
	"encoding/json"
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/jackpot"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// decision is everything that settle stores of one bet.
type decision struct {
	bet       *Bet
	claim     *claimed
	public    Round
	answer    []byte
	transfers []ledger.Transfer
	events    []outbox.Row
}

// decide plays the first step of a claimed bet: the draws of its nonce, the game's rules,
// the money. It does no I/O and depends on its arguments alone, but for the ids that it
// makes. won is what the bet gets of the jackpot.
func decide(bet *Bet, c *claimed, asset money.Asset, won money.Amount) (*decision, error) {
	// What the draws of a shared table come to is not known to anybody yet: its players see
	// what they have bet.
	round := games.Round{View: bet.move.Params}
	if !bet.game.Shared {
		var err error
		if round, err = bet.move.Open(bet.game.Draws(c.serverSeed, c.clientSeed, c.nonce)); err != nil {
			return nil, err
		}
	}
	d := &decision{bet: bet, claim: c, public: Round{
		ID: bet.round, Game: bet.game.Name, Table: bet.table.ID, State: underWay, Stake: bet.stake, Staked: bet.stake,
		Jackpot: won, View: round.View, Nonce: c.nonce, ClientSeed: c.clientSeed, ServerSeedHash: c.serverHash, Rules: bet.game.Rules,
	}}
	if round.Over {
		if err := d.public.end(round); err != nil {
			return nil, err
		}
		d.transfers = append(d.transfers, ledger.StakeOf(bet.round, c.account, bet.stake))
	} else {
		d.transfers = append(d.transfers, ledger.HoldOf(bet.round, c.account, bet.stake))
	}
	if d.public.Payout > 0 {
		d.transfers = append(d.transfers, ledger.PayoutOf(bet.round, c.account, d.public.Payout))
	}
	if more := jackpot.Contribution(bet.game.Name, bet.stake); more > 0 {
		d.transfers = append(d.transfers, ledger.ContributionOf(bet.round, more))
	}
	if won > 0 {
		d.transfers = append(d.transfers, ledger.JackpotOf(bet.round, c.account, won))
	}
	balance, err := money.Sum(c.balance, -bet.stake, d.public.Payout, won)
	if err != nil {
		return nil, err
	}
	if d.answer, err = encodeAnswer(d.public, balance); err != nil {
		return nil, err
	}
	to := told{player: bet.player, asset: asset, at: c.at.UTC(), traceparent: bet.traceparent}
	if d.events, err = to.events(everybody(bet.table.ID), d.public, balance, true); err != nil || won == 0 {
		return d, err
	}
	told, err := to.jackpotWon(d.public)
	d.events = append(d.events, told)
	return d, err
}

// end makes a round one that is over.
func (r *Round) end(by games.Round) (err error) {
	r.State, r.Outcome, r.View = settled, by.View, nil
	r.Payout, err = r.Stake.Times(by.Pays)
	return err
}

func encodeAnswer(r Round, balance money.Amount) ([]byte, error) {
	text, err := json.Marshal(struct {
		Round answered `json:"round"`
	}{answered{r, balance}})
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return text, nil
}
