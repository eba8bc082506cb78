// Package games is the list of what can be played: the games, each a pure function of
// the player's moves and the draws, and the tables where they are played.
//
// A game has a folder of its own and a line in the list here. It does not see who
// plays, for how much, or when. Three shapes share one contract:
//
//   - A game of one step, such as dice, is over as soon as it is opened.
//   - A game of steps, such as blackjack, is a state machine: a round is opened and
//     takes actions until it is over. Each step says what it costs in stakes and what
//     it pays.
//   - At a shared table, such as roulette, one draw decides the rounds of all who bet
//     there: each bet is opened with that draw, see Game.Draw.
package games

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/games/blackjack"
	"github.com/vegascore/vegascore/services/actions/internal/games/crash"
	"github.com/vegascore/vegascore/services/actions/internal/games/dice"
	"github.com/vegascore/vegascore/services/actions/internal/games/mines"
	"github.com/vegascore/vegascore/services/actions/internal/games/plinko"
	"github.com/vegascore/vegascore/services/actions/internal/games/roulette"
	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/games/slots"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/strictjson"
)

// all is every version of every game; the last version of a game is the one that is
// played, the others can be replayed. Adding a game is its folder and one line.
var all = catalogue(
	define(dice.Sheet(), dice.Play),
	define(plinko.Sheet(), plinko.Play),
	steps(slots.Sheet(), slots.Open),
	steps(mines.Sheet(), mines.Open),
	skill(steps(blackjack.Sheet(), blackjack.Open)),
	shared(define(roulette.Sheet(), roulette.Play), roulette.Spin, roulette.Spun.Lasts),
	chained(timed(shared(steps(crash.Sheet(), crash.Open), crash.Draw, crash.Drawn.Lasts), crash.Wish.At, crash.Action{Action: crash.End})),
)

// Game is one version of one game.
type Game struct {
	Name   string
	Rules  string           // version of the rules, such as "dice/1"; stored with each round
	Hash   string           // of Sheet: SHA-256 in lower-case hex
	Sheet  []byte           // the rules as data, in canonical JSON
	Most   money.Multiplier // the most that a round can pay for its first stake
	Steps  bool             // rounds take actions
	Shared bool             // one draw decides the rounds of a whole table
	Chain  bool             // the tables' draws are the links of a chain
	Return [2]float64       // for a first stake, the least and the most over all ways to play
	read   func(params []byte) (Move, error)
	action func(text []byte) (Action, error)
	wish   func(text []byte) (Wish, error)
	end    json.RawMessage
	draw   func(fair.Draws) (drawn any, lasts time.Duration)
}

// Move is a player's bet that the rules allow.
type Move struct {
	// Params is the bet in the one form that its meaning has: two requests that mean
	// the same have the same bytes here.
	Params json.RawMessage
	// Prizes is what the move may win, by theory. What their chances lack to 1 pays
	// nothing. Of a game of steps there are none: they depend on how the player goes on.
	Prizes []money.Prize
	open   func(fair.Draws) (Round, error)
}

// Result is what the draws made of a move.
type Result struct {
	Outcome json.RawMessage
	Pays    money.Multiplier // of the stake; 0 for a loss
}

// Names returns the names of all games, sorted.
func Names() []string { return slices.Sorted(maps.Keys(all.played)) }

// Find returns the version of the game that is played, or the problem unknown_game.
func Find(name string) (Game, error) {
	g, ok := all.played[name]
	if !ok {
		return Game{}, problem.Of(problem.UnknownGame, "There is no such game.")
	}
	return g, nil
}

// Version returns the game with those rules, such as "dice/1", played still or not, or
// the problem unknown_game.
func Version(rules string) (Game, error) {
	g, ok := all.versions[rules]
	if !ok {
		return Game{}, problem.Of(problem.UnknownGame, "There are no such rules.")
	}
	return g, nil
}

// Read takes a bet as the player sent it. It returns a problem: of the JSON (400) or
// params_invalid (422).
func (g Game) Read(params []byte) (Move, error) { return g.read(params) }

// Action takes a player's action as it was sent. It returns a problem: of the JSON
// (400) or action_invalid (422), also when the game has no actions.
func (g Game) Action(text []byte) (Action, error) {
	if !g.Steps {
		return Action{}, problem.Of(problem.ActionInvalid, "This game has no actions.")
	}
	return g.action(text)
}

// Draw returns what the table's draw came to, for all who are there, and how long after
// the last bet it is there. Both are secret until then. The round of a bet is opened with
// the same draw from its beginning. Only shared games have it.
func (g Game) Draw(draws fair.Draws) (text json.RawMessage, lasts time.Duration, err error) {
	if !g.Shared {
		return nil, 0, fmt.Errorf("draw of %s: it is not played at shared tables", g.Name)
	}
	drawn, lasts := g.draw(draws)
	if text, err = json.Marshal(drawn); err != nil {
		return nil, 0, fmt.Errorf("encode draw of %s: %w", g.Name, err)
	}
	return text, lasts, nil
}

// Draws starts the draws of a round from its source: a pair of seeds and the nonce, or, in
// a game of chains, the game hash and the salt.
func (g Game) Draws(serverSeed, clientSeed string, nonce uint64) fair.Draws {
	if g.Chain {
		return fair.NewLink(serverSeed, clientSeed)
	}
	return fair.NewStream(serverSeed, clientSeed, nonce)
}

// Open plays the first step of a round. The same draws give the same round, whenever
// that is.
func (m Move) Open(draws fair.Draws) (Round, error) { return m.open(draws) }

// Play plays a round that is over with its first step; for any other game it returns
// an error.
func (m Move) Play(draws fair.Draws) (Result, error) {
	r, err := m.open(draws)
	if err != nil {
		return Result{}, err
	}
	if !r.Over {
		return Result{}, fmt.Errorf("play %s: the round is still open", r.game)
	}
	return Result{Outcome: r.View, Pays: r.Pays}, nil
}

// Replay plays a round again from the beginning of its draws: the bet, then each of the
// actions, as they were stored. An action that the rules refuse is an error.
func (g Game) Replay(params []byte, actions []json.RawMessage, draws fair.Draws) (Round, error) {
	move, err := g.Read(params)
	if err != nil {
		return Round{}, err
	}
	r, err := move.Open(draws)
	if err != nil {
		return Round{}, err
	}
	for i, text := range actions {
		action, err := g.Action(text)
		if err != nil {
			return Round{}, fmt.Errorf("action %d: %w", i, err)
		}
		if r, err = r.Act(action, draws); err != nil {
			return Round{}, fmt.Errorf("action %d: %w", i, err)
		}
	}
	return r, nil
}

// checked is a bet or an action as a game declares it. Check says what is wrong with
// it in words for the player.
type checked interface{ Check() error }

// priced is a bet of a game of one step: it says what it may win.
type priced interface {
	checked
	Prizes() []money.Prize
}

// accept reads a bet or an action and returns it with its canonical text. code is the
// problem of what reads well and is against the rules.
func accept[T checked](text []byte, code problem.Code) (T, json.RawMessage, error) {
	var v T
	if err := strictjson.Unmarshal(text, &v); err != nil {
		return v, nil, err
	}
	if err := v.Check(); err != nil {
		return v, nil, problem.Of(code, "%s.", err)
	}
	canonical, err := json.Marshal(v)
	if err != nil {
		return v, nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return v, canonical, nil
}

// define makes an entry of a game of one step. P is the game's bet, O what came of it.
func define[P priced, O any](rules sheet.Sheet, play func(P, fair.Draws) (O, money.Multiplier)) Game {
	g := entry(rules)
	g.read = func(params []byte) (Move, error) {
		p, canonical, err := accept[P](params, problem.ParamsInvalid)
		if err != nil {
			return Move{}, err
		}
		return Move{Params: canonical, Prizes: p.Prizes(), open: func(d fair.Draws) (Round, error) {
			outcome, pays := play(p, d)
			text, err := json.Marshal(outcome)
			if err != nil {
				return Round{}, fmt.Errorf("encode outcome of %s: %w", g.Name, err)
			}
			return Round{State: text, View: text, Over: true, Staked: money.MultiplierUnit, Pays: pays, game: g.Name}, nil
		}}, nil
	}
	return g
}

// skill makes a game one whose sheet has the return of the best play alone: a player may do
// as badly as one likes.
func skill(g Game) Game {
	g.Return[0] = 0
	return g
}

// shared makes a game one of shared tables, where one draw is everybody's. lasts is how
// many milliseconds after the last bet its result is there.
func shared[O any](g Game, draw func(fair.Draws) O, lasts func(O) int64) Game {
	g.Shared = true
	g.draw = func(d fair.Draws) (any, time.Duration) {
		drawn := draw(d)
		return drawn, time.Duration(lasts(drawn)) * time.Millisecond
	}
	return g
}

// chained makes a game one whose tables draw from chains.
func chained(g Game) Game {
	g.Chain = true
	return g
}
