// Package plinko is the rules of plinko: a ball falls through rows of pins, to the left
// or to the right at each with equal chance, and pays what the slot says in which it
// ends. The player chooses the number of rows and one of three tables of payouts.
package plinko

import (
	"errors"
	"fmt"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout.
const (
	Name  = "plinko"
	Rules = "plinko/1"
)

// Bounds of the number of rows.
const (
	LeastRows = 8
	MostRows  = 16
)

// The three tables: the higher the risk, the more is paid for the outer slots and the
// less for the inner ones.
const (
	Low    = "low"
	Medium = "medium"
	High   = "high"
)

// Params is the player's bet.
type Params struct {
	Risk string `json:"risk"`
	Rows int64  `json:"rows"`
}

// Outcome is the ball's path, L or R for each row, the slot in which it ended, which is
// the number of Rs, and what that pays.
type Outcome struct {
	Path       string           `json:"path"`
	Slot       int64            `json:"slot"`
	Multiplier money.Multiplier `json:"multiplier"`
}

// Check says what is wrong with the bet, in words for the player.
func (p Params) Check() error {
	if _, ok := halves[p.Risk]; !ok {
		return errors.New(`the risk must be "low", "medium" or "high"`)
	}
	if p.Rows < LeastRows || p.Rows > MostRows {
		return fmt.Errorf("the rows must be %d to %d", LeastRows, MostRows)
	}
	return nil
}

// pays is what a slot pays. The bet must have passed Check.
func (p Params) pays(slot int64) money.Multiplier {
	const hundredth = money.MultiplierUnit / 100
	return hundredth * halves[p.Risk][p.Rows-LeastRows][min(slot, p.Rows-slot)]
}

// Prizes is what the bet may win: one for each slot. The bet must have passed Check.
func (p Params) Prizes() []money.Prize {
	prizes, ways := make([]money.Prize, p.Rows+1), int64(1)
	for slot := range p.Rows + 1 {
		prizes[slot] = money.Prize{Pays: p.pays(slot), Chance: float64(ways) / float64(int64(1)<<p.Rows)}
		ways = ways * (p.Rows - slot) / (slot + 1) // paths to the next slot
	}
	return prizes
}

// Play takes one draw for each row, 0 for left and 1 for right, and returns the outcome
// and what the round pays. The bet must have passed Check.
func Play(p Params, draws fair.Draws) (Outcome, money.Multiplier) {
	path, slot := make([]byte, p.Rows), int64(0)
	for i := range path {
		right := draws.Intn(2)
		path[i] = "LR"[right]
		slot += int64(right)
	}
	o := Outcome{Path: string(path), Slot: slot, Multiplier: p.pays(slot)}
	return o, o.Multiplier
}
