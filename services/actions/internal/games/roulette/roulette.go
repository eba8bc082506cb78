// Package roulette is the rules of European roulette: a wheel with the pockets 0 to 36,
// all equally likely, and the full table of bets. One spin decides the bets of all who
// sit at the table; each bet is on one place of the layout, with a stake of its own.
package roulette

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout.
const (
	Name  = "roulette"
	Rules = "roulette/1"
)

const (
	pockets  = 37   // 0 to 36
	spinning = 5000 // milliseconds
)

// Params is the player's bet: its kind, and for the kinds with several places the
// numbers of the one that is meant, in ascending order.
type Params struct {
	Bet     string  `json:"bet"`
	Numbers []int64 `json:"numbers,omitempty"`
}

// Spun is where the ball came to rest. Colour is red, black or, for 0, green.
type Spun struct {
	Pocket int64  `json:"pocket"`
	Colour string `json:"colour"`
}

// Lasts is the time from the last bet until the ball has come to rest, in milliseconds.
func (Spun) Lasts() int64 { return spinning }

// Outcome is the spin, whether the bet won, and what a win pays.
type Outcome struct {
	Spun
	Win        bool             `json:"win"`
	Multiplier money.Multiplier `json:"multiplier"`
}

// Check says what is wrong with the bet, in words for the player.
func (p Params) Check() error {
	k, ok := find(p.Bet)
	switch {
	case !ok:
		return errors.New("there is no such bet on the table")
	case k.named() && len(p.Numbers) > 0:
		return fmt.Errorf("%s: it takes no numbers", k.Bet)
	case k.place(p.Numbers) == nil:
		return fmt.Errorf("%s: the numbers, in ascending order, are no such place of the table", k.Bet)
	}
	return nil
}

// Prizes is what the bet may win; it pays nothing otherwise. The bet must have passed
// Check.
func (p Params) Prizes() []money.Prize {
	k, _ := find(p.Bet)
	return []money.Prize{{Pays: k.pays(), Chance: float64(len(k.place(p.Numbers))) / pockets}}
}

// Spin takes the table's one draw.
func Spin(draws fair.Draws) Spun {
	pocket := int64(draws.Intn(pockets))
	return Spun{Pocket: pocket, Colour: colour(pocket)}
}

// Play spins and returns the outcome of a bet and what it pays: the odds and the stake
// back, or 0. The bet must have passed Check. All bets of a table see the same draw.
func Play(p Params, draws fair.Draws) (Outcome, money.Multiplier) {
	k, _ := find(p.Bet)
	o := Outcome{Spun: Spin(draws), Multiplier: k.pays()}
	o.Win = slices.Contains(k.place(p.Numbers), o.Pocket)
	if !o.Win {
		return o, 0
	}
	return o, o.Multiplier
}

func colour(pocket int64) string {
	switch {
	case pocket == 0:
		return "green"
	case slices.Contains(red, pocket):
		return "red"
	default:
		return "black"
	}
}
