// Package games is the list of what can be played: the games, each a pure function of
// the player's move and the draws, and the tables where they are played.
//
// A game has a folder of its own and a line in the list here. It does not see who
// plays, for how much, or when.
package games

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/vegascore/vegascore/services/actions/internal/games/dice"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// all is every game. Adding one is its folder and one line.
var all = index(func(g Game) string { return g.Name },
	define(dice.Name, dice.Rules, dice.Play),
)

// Game is one entry of the list.
type Game struct {
	Name  string
	Rules string // version of the rules, such as "dice/1"; stored with each round
	read  func(params []byte) (Move, error)
}

// Move is a player's bet that the rules allow.
type Move struct {
	// Params is the bet in the one form that its meaning has: two requests that mean
	// the same have the same bytes here.
	Params json.RawMessage
	// Prizes is what the move may win, by theory. What their chances lack to 1 pays
	// nothing.
	Prizes []money.Prize
	play   func(fair.Draws) (any, money.Multiplier)
}

// Result is what the draws made of a move.
type Result struct {
	Outcome json.RawMessage
	Pays    money.Multiplier // of the stake; 0 for a loss
}

// Names returns the names of all games, sorted.
func Names() []string { return slices.Sorted(maps.Keys(all)) }

// Find returns the game of that name, or the problem unknown_game.
func Find(name string) (Game, error) {
	g, ok := all[name]
	if !ok {
		return Game{}, problem.Of(problem.UnknownGame, "There is no such game.")
	}
	return g, nil
}

// Read takes a bet as the player sent it. It returns a problem: of the JSON (400) or
// params_invalid (422).
func (g Game) Read(params []byte) (Move, error) { return g.read(params) }

// Play plays the move. The same draws give the same result, whenever that is.
func (m Move) Play(draws fair.Draws) (Result, error) {
	outcome, pays := m.play(draws)
	text, err := json.Marshal(outcome)
	if err != nil {
		return Result{}, fmt.Errorf("encode outcome: %w", err)
	}
	return Result{Outcome: text, Pays: pays}, nil
}

// define makes an entry of a game's rules. P is the game's bet, O what came of it.
func define[P interface {
	Check() error
	Prizes() []money.Prize
}, O any](name, rules string, play func(P, fair.Draws) (O, money.Multiplier)) Game {
	read := func(params []byte) (Move, error) {
		var p P
		if err := web.Unmarshal(params, &p); err != nil {
			return Move{}, err
		}
		if err := p.Check(); err != nil {
			return Move{}, problem.Of(problem.ParamsInvalid, "%s.", err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			return Move{}, fmt.Errorf("encode params of %s: %w", name, err)
		}
		return Move{Params: text, Prizes: p.Prizes(), play: func(d fair.Draws) (any, money.Multiplier) { return play(p, d) }}, nil
	}
	return Game{Name: name, Rules: rules, read: read}
}

func index[T any](key func(T) string, entries ...T) map[string]T {
	m := make(map[string]T, len(entries))
	for _, e := range entries {
		m[key(e)] = e
	}
	return m
}
