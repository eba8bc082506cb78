package blackjack

import "github.com/vegascore/vegascore/shared/money"

// What is staked and paid, for one stake.
const (
	once       = money.MultiplierUnit
	insurance  = once / 2     // staked beside the first stake
	insured    = 3 * once / 2 // insurance at 2:1, its stake included
	threeToTwo = 5 * once / 2 // a blackjack, its stake included
	most       = 8 * once     // both hands of a split doubled, and won
)

// stake is what stands on the hand.
func (h Hand) stake() money.Multiplier {
	if h.Doubled {
		return 2 * once
	}
	return once
}

// Staked is what stands on all hands and on the insurance.
func (s State) Staked() money.Multiplier {
	var sum money.Multiplier
	for _, h := range s.Hands {
		sum += h.stake()
	}
	if s.Insured {
		sum += insurance
	}
	return sum
}

// Pays is what the round pays when it has ended.
func (s State) Pays() money.Multiplier {
	var sum money.Multiplier
	if s.Insured && natural(s.Dealer) {
		sum += insured
	}
	for _, h := range s.Hands {
		sum += s.paysFor(h)
	}
	return sum
}

// paysFor is what one hand pays.
func (s State) paysFor(h Hand) money.Multiplier {
	mine, _ := total(h.Cards)
	dealers, _ := total(s.Dealer)
	ours, theirs := len(s.Hands) == 1 && natural(h.Cards), natural(s.Dealer)
	switch {
	case ours && theirs:
		return once
	case ours:
		return threeToTwo
	case theirs, mine > best:
		return 0
	case dealers > best, mine > dealers:
		return 2 * h.stake()
	case mine == dealers:
		return h.stake()
	default:
		return 0
	}
}

// View is what the player sees: of the dealer's cards only the first while the round is
// open.
type View struct {
	Hands   []Shown  `json:"hands"`
	Dealer  []Card   `json:"dealer"`
	Insured bool     `json:"insured"`
	Active  int      `json:"active"`
	Over    bool     `json:"over"`
	Actions []string `json:"actions,omitempty"` // that are possible now
}

// Shown is a hand with its total and, when the round is over, what it pays.
type Shown struct {
	Hand
	Total int64            `json:"total"`
	Soft  bool             `json:"soft"`
	Pays  money.Multiplier `json:"pays"`
}

// View returns what the player sees.
func (s State) View() any {
	v := View{Dealer: s.Dealer[:1], Insured: s.Insured, Active: s.Active, Over: s.Over()}
	for _, h := range s.Hands {
		shown := Shown{Hand: h}
		shown.Total, shown.Soft = total(h.Cards)
		if v.Over {
			shown.Pays = s.paysFor(h)
		}
		v.Hands = append(v.Hands, shown)
	}
	if v.Over {
		v.Dealer = s.Dealer
		return v
	}
	for _, action := range []string{Insure, Decline, Hit, Stand, Double, Split} {
		if s.refuse(action) == nil {
			v.Actions = append(v.Actions, action)
		}
	}
	return v
}
