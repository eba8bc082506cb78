// Package dice is the rules of dice: one roll of 0.00 to 100.00, all 10,001 results
// equally likely, and the player's bet that it ends under or over a target.
package dice

import (
	"errors"
	"fmt"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout, so that an old round is checked by its own rules.
const (
	Name  = "dice"
	Rules = "dice/1"
)

const (
	results = 10_001 // 0.00, 0.01, ... 100.00
	highest = results - 1
	// returned is the share of the stakes that the fair odds give back, in
	// ten-thousandths: the house keeps one percent.
	returned = 9_900
	// mostWins is the largest number of winning results that still pays more than
	// the stake: returned x results / wins > 1.
	mostWins = 9_900
)

// The two bets.
const (
	Under = "under"
	Over  = "over"
)

// Params is the player's bet. Target is in hundredths: 5000 stands for 50.00. A roll
// equal to the target loses both ways.
type Params struct {
	Direction string `json:"direction"`
	Target    int64  `json:"target"`
}

// Outcome is the roll in hundredths, whether it won, and what a win pays.
type Outcome struct {
	Roll       int64            `json:"roll"`
	Win        bool             `json:"win"`
	Multiplier money.Multiplier `json:"multiplier"`
}

// Check says what is wrong with the bet, in words for the player: it must be able to
// win, and a win must pay more than the stake.
func (p Params) Check() error {
	switch p.Direction {
	case Under:
		if p.Target < 1 || p.Target > mostWins {
			return fmt.Errorf("under: the target must be 1 to %d", mostWins)
		}
	case Over:
		if p.Target < highest-mostWins || p.Target > highest-1 {
			return fmt.Errorf("over: the target must be %d to %d", highest-mostWins, highest-1)
		}
	default:
		return errors.New(`the direction must be "under" or "over"`)
	}
	return nil
}

// wins is how many of the results win.
func (p Params) wins() int64 {
	if p.Direction == Under {
		return p.Target // 0 to target-1
	}
	return highest - p.Target // target+1 to highest
}

// Multiplier is what a win pays for one stake: 0.99 / probability, rounded down to
// four decimals. The bet must have passed Check.
func (p Params) Multiplier() money.Multiplier {
	return money.Multiplier(returned * results / p.wins())
}

// Prizes is what the bet may win; it pays nothing otherwise. The bet must have passed
// Check.
func (p Params) Prizes() []money.Prize {
	return []money.Prize{{Pays: p.Multiplier(), Chance: float64(p.wins()) / results}}
}

// Play takes one draw and returns the outcome and what the round pays: 0 when it is
// lost. The bet must have passed Check.
func Play(p Params, draws fair.Draws) (Outcome, money.Multiplier) {
	o := Outcome{Roll: int64(draws.Intn(results)), Multiplier: p.Multiplier()}
	if p.Direction == Under {
		o.Win = o.Roll < p.Target
	} else {
		o.Win = o.Roll > p.Target
	}
	if !o.Win {
		return o, 0
	}
	return o, o.Multiplier
}
