package games

import (
	"encoding/json"
	"fmt"

	"github.com/vegascore/vegascore/shared/problem"
)

// Wish is an action as a player asks for it. In most games it is the action; in a timed
// one the house adds when it came.
type Wish struct {
	Text json.RawMessage // in canonical form
	at   func(ms int64) (Action, error)
}

// At is the action of a wish that came so many milliseconds after the table's last bet,
// by the clock that decides; games that are not timed do not look at it.
func (w Wish) At(ms int64) (Action, error) { return w.at(ms) }

// Wish takes an action as a player sent it. It returns a problem as Action does.
func (g Game) Wish(text []byte) (Wish, error) {
	if g.wish != nil {
		return g.wish(text)
	}
	a, err := g.Action(text)
	return Wish{Text: a.Text, at: func(int64) (Action, error) { return a, nil }}, err
}

// Timed reports whether the outcome of an action depends on when it came, so that there
// are none before the table's last bet.
func (g Game) Timed() bool { return g.wish != nil }

// End is the action that ends a bet when the table's round has its result; ok is false
// for games whose bets are over then without one.
func (g Game) End() (a Action, ok bool, err error) {
	if g.end == nil {
		return Action{}, false, nil
	}
	a, err = g.Action(g.end)
	return a, err == nil, err
}

// timed makes a game one of steps whose actions are asked for as W and get their time from
// the house. end is the action that ends a bet.
func timed[W checked, A any](g Game, at func(W, int64) A, end A) Game {
	text, err := json.Marshal(end)
	if err != nil {
		panic(fmt.Sprintf("games: the end of %s: %v", g.Name, err)) // found by any test: ends are constants
	}
	g.end = text
	g.wish = func(text []byte) (Wish, error) {
		w, canonical, err := accept[W](text, problem.ActionInvalid)
		if err != nil {
			return Wish{}, err
		}
		return Wish{Text: canonical, at: func(ms int64) (Action, error) {
			text, err := json.Marshal(at(w, ms))
			if err != nil {
				return Action{}, fmt.Errorf("encode action of %s: %w", g.Name, err)
			}
			return g.action(text)
		}}, nil
	}
	return g
}
