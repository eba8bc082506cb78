package play

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/services/actions/internal/jackpot"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// jackpot is what a claimed bet gets of the jackpot: for nearly all bets nothing, without
// asking the database. A winner gets what is in it, and what the house puts in for the
// winner's own round. before are the decisions of the same transaction, of which one may
// have taken all a moment ago.
func (d *Desk) jackpot(ctx context.Context, conn *pgx.Conn, bet *Bet, c *claimed, before []*decision) (money.Amount, error) {
	own := jackpot.Contribution(bet.game.Name, bet.stake)
	if own == 0 || !jackpot.Won(bet.stake, c.serverSeed, c.clientSeed, c.nonce) {
		return 0, nil
	}
	for _, other := range before {
		if other.public.Jackpot > 0 {
			return own, nil
		}
	}
	var held int64
	if err := conn.QueryRow(ctx, `SELECT jackpot_take($1)`, string(d.asset)).Scan(&held); err != nil {
		return 0, fmt.Errorf("take the jackpot: %w", err)
	}
	return own.Add(money.Amount(held))
}

// jackpotEvent is the argument of the socket event "jackpot".
type jackpotEvent struct {
	Round       uuid.UUID    `json:"round"`
	Table       string       `json:"table"`
	Player      Player       `json:"player"`
	Amount      money.Amount `json:"amount"`
	Asset       money.Asset  `json:"asset"`
	EventID     uuid.UUID    `json:"event_id"`
	Traceparent string       `json:"traceparent"`
}

// jackpotWon is the outbox row that tells everybody at the table.
func (to told) jackpotWon(r Round) (outbox.Row, error) {
	id := uuid.Must(uuid.NewV7())
	body, err := json.Marshal([]jackpotEvent{{r.ID, r.Table, to.player, r.Jackpot, to.asset, id, to.traceparent}})
	if err != nil {
		return outbox.Row{}, fmt.Errorf("encode jackpot of round %s: %w", r.ID, err)
	}
	return outbox.Row{EventID: id, Sink: outbox.Room, Key: everybody(r.Table), Type: "jackpot", Body: body, Traceparent: to.traceparent}, nil
}
