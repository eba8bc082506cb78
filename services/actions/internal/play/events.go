package play

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// roundEvent is the argument of the socket event "round".
type roundEvent struct {
	Round
	Player      Player    `json:"player"`
	SettledAt   time.Time `json:"settled_at,omitzero"`
	EventID     uuid.UUID `json:"event_id"`
	Traceparent string    `json:"traceparent"`
}

// balanceEvent is the argument of the socket event "balance".
type balanceEvent struct {
	Balance     money.Amount `json:"balance"`
	Asset       money.Asset  `json:"asset"`
	Round       uuid.UUID    `json:"round"`
	EventID     uuid.UUID    `json:"event_id"`
	Traceparent string       `json:"traceparent"`
}

// everybody is the room of a table, roomOf a player's own.
func everybody(table string) string { return "table:" + table }
func roomOf(p Player) string        { return "player:" + p.ID.String() }

// told is what the outbox rows of a step have in common.
type told struct {
	player      Player
	asset       money.Asset
	at          time.Time // by the database's clock
	traceparent string
}

// events makes the outbox rows of a step: the round to room, the balance to the player if
// it has changed, and the fact to the other services when the round is over.
func (to told) events(room string, r Round, balance money.Amount, moved bool) ([]outbox.Row, error) {
	rows := make([]outbox.Row, 0, 3)
	add := func(row outbox.Row, body any) error {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode %s of round %s: %w", row.Type, r.ID, err)
		}
		row.Body, row.Traceparent = text, to.traceparent
		rows = append(rows, row)
		return nil
	}
	id := uuid.Must(uuid.NewV7())
	public := roundEvent{Round: r, Player: to.player, EventID: id, Traceparent: to.traceparent}
	if r.State == settled {
		public.SettledAt = to.at
	}
	if err := add(outbox.Row{EventID: id, Sink: outbox.Room, Key: room, Type: "round"}, []roundEvent{public}); err != nil {
		return nil, err
	}
	if moved {
		id = uuid.Must(uuid.NewV7())
		err := add(outbox.Row{EventID: id, Sink: outbox.Room, Key: roomOf(to.player), Type: "balance"}, []balanceEvent{{
			Balance: balance, Asset: to.asset, Round: r.ID, EventID: id, Traceparent: to.traceparent,
		}})
		if err != nil {
			return nil, err
		}
	}
	if r.State != settled {
		return rows, nil
	}
	err := add(outbox.Row{EventID: uuid.Must(uuid.NewV7()), Sink: outbox.Fact, Key: r.Table, Type: event.TypeRoundSettled}, event.RoundSettled{
		Round: r.ID, Player: to.player.ID, Name: to.player.Name, Game: r.Game, Table: r.Table,
		Rules: r.Rules, Asset: to.asset, Stake: r.Stake, Staked: r.Staked, Payout: r.Payout, SettledAt: to.at,
	})
	return rows, err
}
