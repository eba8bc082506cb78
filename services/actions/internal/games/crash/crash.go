// Package crash is the rules of crash: a multiplier grows from 1.00 until it busts. One
// bust point decides the bets of all who sit at the table. A bet is cashed out by hand
// or, at a multiplier that was chosen before, by itself; it pays the multiplier if the
// round had not bust by then.
//
// The bust point is a function of one draw i from 2^32, the first of a link of the
// table's chain: floor(99 x 2^32 / (i+1)) hundredths, at least 100.
package crash

import (
	"errors"
	"fmt"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout.
const (
	Name  = "crash"
	Rules = "crash/1"
)

const (
	space    = 1 << 32 // numbers that the draw is from
	returned = 99      // of a hundred stakes
)

// Multipliers at which a bet can be cashed out, in hundredths.
const (
	Least = 101
	Most  = 10_000_000
)

// The two actions. Both are the table's to take, with the time by the database's
// clock: CashOut when a player asks for it, End when the round has bust.
const (
	CashOut = "cash_out"
	End     = "end"
)

// Params is the player's bet: the multiplier in hundredths at which it is cashed out by
// itself. A player who wants to do it by hand sends the highest.
type Params struct {
	Auto int64 `json:"auto"`
}

// Check says what is wrong with the bet, in words for the player.
func (p Params) Check() error {
	if p.Auto < Least || p.Auto > Most {
		return fmt.Errorf("the automatic cash-out must be %d to %d", Least, Most)
	}
	return nil
}

// Wish is what a player may ask for: to be cashed out now. When that is, is not for the
// player to say.
type Wish struct {
	Action string `json:"action"`
}

// Check says what is wrong with the wish.
func (w Wish) Check() error {
	if w.Action != CashOut {
		return errors.New(`the action must be "cash_out"`)
	}
	return nil
}

// At is the action of a wish that came so many milliseconds after the round began.
func (w Wish) At(ms int64) Action { return Action{Action: w.Action, AtMS: &ms} }

// Action is a cash-out so many milliseconds after the round began, or its end.
type Action struct {
	Action string `json:"action"`
	AtMS   *int64 `json:"at_ms,omitempty"`
}

// Check says what is wrong with the action.
func (a Action) Check() error {
	switch {
	case a.Action == CashOut && a.AtMS != nil && *a.AtMS >= 0, a.Action == End && a.AtMS == nil:
		return nil
	case a.Action == CashOut:
		return errors.New("cash_out: at_ms must be there and not negative")
	case a.Action == End:
		return errors.New("end: it takes no at_ms")
	}
	return errors.New(`the action must be "cash_out" or "end"`)
}

// Drawn is a table's round: where it busts, in hundredths, and how long it lasts.
type Drawn struct {
	Bust   int64 `json:"bust"`
	LastMS int64 `json:"last_ms"`
}

// Lasts is the time from the last bet to the bust, in milliseconds.
func (d Drawn) Lasts() int64 { return d.LastMS }

// Draw takes the one draw of a table's round.
func Draw(draws fair.Draws) Drawn {
	bust := bustAt(draws.Intn(space))
	return Drawn{Bust: bust, LastMS: Lasts(bust)}
}

func bustAt(i uint64) int64 { return max(100, int64(returned*space/(i+1))) }

// State is a bet in a round. CashedOut is the multiplier that it pays, in hundredths,
// 0 for none; Ended says that the table's round is over.
type State struct {
	Bust      int64 `json:"bust"`
	Auto      int64 `json:"auto"`
	CashedOut int64 `json:"cashed_out"`
	Ended     bool  `json:"ended"`
}

// Open takes the table's draw. The bet must have passed Check.
func Open(p Params, draws fair.Draws) State {
	return State{Bust: bustAt(draws.Intn(space)), Auto: p.Auto}
}

// Act takes an action that passed Check; it draws nothing. A cash-out by hand that
// comes after the automatic one pays what that one does.
func (s State) Act(a Action, _ fair.Draws) (State, error) {
	if a.Action == End {
		s.Ended = true
		if s.Auto <= s.Bust {
			s.CashedOut = s.Auto
		}
		return s, nil
	}
	at := min(At(*a.AtMS), s.Auto)
	switch {
	case at < Least:
		return State{}, errors.New("the multiplier must be 1.01 at least")
	case at > s.Bust:
		return State{}, errors.New("the round has bust")
	}
	s.CashedOut = at
	return s, nil
}

// Idle ends the bet: the table does that for everybody when the round has bust.
func (s State) Idle() (Action, bool) { return Action{Action: End}, true }

// Over reports whether the bet has ended: the table's round may go on.
func (s State) Over() bool { return s.Ended || s.CashedOut > 0 }

// Staked is always one stake.
func (s State) Staked() money.Multiplier { return money.MultiplierUnit }

// Pays is what the bet pays when it has ended.
func (s State) Pays() money.Multiplier {
	return money.Multiplier(s.CashedOut) * (money.MultiplierUnit / 100)
}

// View is what the player sees: where the round busts only when it has. A bet that was
// cashed out by hand never says it, since the round goes on for the others.
type View struct {
	Auto       int64            `json:"auto"`
	Multiplier money.Multiplier `json:"multiplier"`
	Over       bool             `json:"over"`
	Bust       int64            `json:"bust,omitempty"`
}

// View returns what the player sees.
func (s State) View() any {
	v := View{Auto: s.Auto, Multiplier: s.Pays(), Over: s.Over()}
	if s.Ended {
		v.Bust = s.Bust
	}
	return v
}
