// Package event holds the facts that servers tell each other: what happened,
// after it was committed. A fact travels as a CloudEvent 1.0.
//
// A fact may arrive more than once and out of order; its id is the same each
// time, and consumers apply an id once. Fields are added, never renamed or
// given another meaning: that takes a new type ending in the next version.
package event

import (
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/money"
)

// TypeRoundSettled is the type of the fact whose data is RoundSettled.
const TypeRoundSettled = "vegascore.round.settled.v1"

// RoundSettled says that a round is over and its money has moved. Amounts are
// in minor units of the asset.
type RoundSettled struct {
	Round     uuid.UUID    `json:"round"`
	Player    uuid.UUID    `json:"player"`
	Name      string       `json:"name"` // the player's, at the time of the round
	Game      string       `json:"game"`
	Table     string       `json:"table"`
	Rules     string       `json:"rules"` // version of the game's rules
	Asset     money.Asset  `json:"asset"`
	Stake     money.Amount `json:"stake"`            // the first one
	Staked    money.Amount `json:"staked,omitempty"` // all that the round has cost; 0 says the same as Stake
	Payout    money.Amount `json:"payout"`
	SettledAt time.Time    `json:"settled_at"` // by the database's clock
}
