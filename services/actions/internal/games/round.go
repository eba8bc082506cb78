package games

import (
	"encoding/json"
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Round is a round as it stands after a step. It is a value: an action makes a new one.
type Round struct {
	// State is all of the round in canonical JSON. While the round is open it may hold
	// what the player must not see.
	State json.RawMessage
	// View is what the player may see now. Of a round that is over it is the outcome.
	View json.RawMessage
	Over bool
	// Staked is what the round costs so far, in first stakes: 1 when it is opened,
	// more after a split or a double. See Cost for what a step costs.
	Staked money.Multiplier
	// Pays is what the round pays, in first stakes; 0 while it is open.
	Pays money.Multiplier

	game string
	act  func(action any, draws fair.Draws) (Round, error) // nil for a game of one step
	idle func() (action any, ok bool)
}

// Action is a player's action that the game knows. Whether a round takes it now is
// found by Round.Act.
type Action struct {
	Text  json.RawMessage // in canonical form
	value any
}

// Act takes the next step. The draws go on where the step before left them: for a
// stored round, play it again with Game.Replay and act on what that returns. It returns
// the problem round_over or action_refused (409) and leaves r as it was.
func (r Round) Act(a Action, draws fair.Draws) (Round, error) {
	if r.Over {
		return Round{}, problem.Of(problem.RoundOver, "This round is over.")
	}
	return r.act(a.value, draws)
}

// Idle returns the action that ends the round, or brings it nearer to its end, for a
// player who stays away. ok is false when the round is over, or when nothing has happened
// in it that anybody could want to get out of: it may be void.
func (r Round) Idle() (a Action, ok bool, err error) {
	if r.Over {
		return Action{}, false, nil
	}
	if a.value, ok = r.idle(); !ok {
		return Action{}, false, nil
	}
	if a.Text, err = json.Marshal(a.value); err != nil {
		return Action{}, false, fmt.Errorf("encode action of %s: %w", r.game, err)
	}
	return a, true, nil
}

// Cost is what the last step costs a player whose first stake is given, when so many
// first stakes had been staked before it: 0 for most steps. All steps together cost the
// stake times r.Staked, rounded up to a minor unit.
func (r Round) Cost(stake money.Amount, before money.Multiplier) (money.Amount, error) {
	was, err := stake.TimesUp(before)
	if err != nil {
		return 0, err
	}
	is, err := stake.TimesUp(r.Staked)
	if err != nil {
		return 0, err
	}
	return is.Sub(was)
}

// machine is a game of steps: S is its state, A its actions. Act returns a new state
// and leaves the old one alone; its error says in words for the player why the action
// is not possible now. View is what the player may see. Idle is the action of a player who
// stays away, see Round.Idle; it never costs anything.
type machine[S, A any] interface {
	Act(A, fair.Draws) (S, error)
	Idle() (A, bool)
	View() any
	Over() bool
	Staked() money.Multiplier
	Pays() money.Multiplier
}

// steps makes an entry of a game of steps. P is the game's bet.
func steps[P, A checked, S machine[S, A]](rules sheet.Sheet, open func(P, fair.Draws) S) Game {
	g := entry(rules)
	g.Steps = true
	g.read = func(params []byte) (Move, error) {
		p, canonical, err := accept[P](params, problem.ParamsInvalid)
		if err != nil {
			return Move{}, err
		}
		return Move{Params: canonical, open: func(d fair.Draws) (Round, error) { return standing(g.Name, open(p, d)) }}, nil
	}
	g.action = func(text []byte) (Action, error) {
		a, canonical, err := accept[A](text, problem.ActionInvalid)
		return Action{Text: canonical, value: a}, err
	}
	return g
}

// standing is the round of a state.
func standing[A any, S machine[S, A]](game string, s S) (Round, error) {
	state, err := json.Marshal(s)
	if err != nil {
		return Round{}, fmt.Errorf("encode state of %s: %w", game, err)
	}
	view, err := json.Marshal(s.View())
	if err != nil {
		return Round{}, fmt.Errorf("encode view of %s: %w", game, err)
	}
	r := Round{State: state, View: view, Over: s.Over(), Staked: s.Staked(), game: game}
	if r.Over {
		r.Pays = s.Pays()
	}
	r.idle = func() (any, bool) { return s.Idle() }
	r.act = func(action any, draws fair.Draws) (Round, error) {
		a, ok := action.(A)
		if !ok {
			return Round{}, fmt.Errorf("act in %s: the action is of another game", game)
		}
		next, err := s.Act(a, draws)
		if err != nil {
			return Round{}, problem.Of(problem.ActionRefused, "%s.", err)
		}
		return standing(game, next)
	}
	return r, nil
}
