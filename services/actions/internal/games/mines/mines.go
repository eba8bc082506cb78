// Package mines is the rules of mines: a field of 25 tiles hides as many mines as the
// player chose. Each safe tile that the player turns over raises what the round pays;
// a mine ends it with nothing. The player may take the money after any safe tile.
package mines

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
	Name  = "mines"
	Rules = "mines/1"
)

const (
	tiles = 25
	// returned is the share of the stakes that the fair odds give back, in
	// ten-thousandths: the house keeps one percent.
	returned = 9_900
)

// The two actions.
const (
	Reveal  = "reveal"
	CashOut = "cash_out"
)

// Params is the player's bet: the number of mines.
type Params struct {
	Mines int64 `json:"mines"`
}

// Check says what is wrong with the bet, in words for the player.
func (p Params) Check() error {
	if p.Mines < 1 || p.Mines > tiles-1 {
		return fmt.Errorf("the mines must be 1 to %d", tiles-1)
	}
	return nil
}

// Action turns over a tile, 0 to 24, or takes the money.
type Action struct {
	Action string `json:"action"`
	Tile   *int64 `json:"tile,omitempty"`
}

// Check says what is wrong with the action, in words for the player.
func (a Action) Check() error {
	switch {
	case a.Action == Reveal && a.Tile != nil && *a.Tile >= 0 && *a.Tile < tiles:
		return nil
	case a.Action == Reveal:
		return fmt.Errorf("reveal: the tile must be 0 to %d", tiles-1)
	case a.Action == CashOut && a.Tile == nil:
		return nil
	case a.Action == CashOut:
		return errors.New("cash_out: it takes no tile")
	}
	return errors.New(`the action must be "reveal" or "cash_out"`)
}

// State is a round. Mines are in the order in which they were drawn.
type State struct {
	Mines     []int64 `json:"mines"`
	Revealed  []int64 `json:"revealed"`
	CashedOut bool    `json:"cashed_out"`
}

// Open lays the mines: each draw takes one of the tiles that are left, in the order of
// their numbers. The bet must have passed Check.
func Open(p Params, draws fair.Draws) State {
	left := make([]int64, tiles)
	for i := range left {
		left[i] = int64(i)
	}
	s := State{Mines: make([]int64, 0, p.Mines), Revealed: []int64{}}
	for range p.Mines {
		i := int(draws.Intn(uint64(len(left))))
		s.Mines = append(s.Mines, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return s
}

// Act takes an action that passed Check; it draws nothing. The last safe tile takes the
// money by itself.
func (s State) Act(a Action, _ fair.Draws) (State, error) {
	if a.Action == CashOut {
		if len(s.Revealed) == 0 {
			return State{}, errors.New("reveal a tile first")
		}
		s.CashedOut = true
		return s, nil
	}
	if slices.Contains(s.Revealed, *a.Tile) {
		return State{}, errors.New("this tile is revealed already")
	}
	s.Revealed = append(slices.Clone(s.Revealed), *a.Tile)
	s.CashedOut = !s.hit() && len(s.Revealed)+len(s.Mines) == tiles
	return s, nil
}

// Idle takes the money for a player who stays away, if there is any.
func (s State) Idle() (Action, bool) {
	return Action{Action: CashOut}, len(s.Revealed) > 0
}

// hit reports whether the last tile was a mine.
func (s State) hit() bool {
	n := len(s.Revealed)
	return n > 0 && slices.Contains(s.Mines, s.Revealed[n-1])
}

// Over reports whether the round has ended.
func (s State) Over() bool { return s.CashedOut || s.hit() }

// Staked is always one stake.
func (s State) Staked() money.Multiplier { return money.MultiplierUnit }

// Pays is what the round pays when it has ended.
func (s State) Pays() money.Multiplier {
	if !s.CashedOut {
		return 0
	}
	return Multiplier(int64(len(s.Mines)), int64(len(s.Revealed)))
}

// View is what the player sees: where the mines are only when the round has ended.
type View struct {
	Mines      int64            `json:"mines"`
	Revealed   []int64          `json:"revealed"`
	Multiplier money.Multiplier `json:"multiplier"` // of taking the money now; 0 when nothing can be taken
	Over       bool             `json:"over"`
	Laid       []int64          `json:"laid,omitempty"`
}

// View returns what the player sees.
func (s State) View() any {
	v := View{Mines: int64(len(s.Mines)), Revealed: s.Revealed, Over: s.Over()}
	if !s.hit() && len(s.Revealed) > 0 {
		v.Multiplier = Multiplier(v.Mines, int64(len(s.Revealed)))
	}
	if v.Over {
		v.Laid = s.Mines
	}
	return v
}

// Multiplier is what taking the money pays after a number of safe tiles: 0.99 divided
// by the chance to get there, C(25,k) / C(25-m,k), rounded down to four decimals. Both
// numbers must be possible.
func Multiplier(mines, safe int64) money.Multiplier {
	return money.Multiplier(returned * choose(tiles, safe) / choose(tiles-mines, safe))
}

// choose is the number of ways to choose k of n, which is at most 25.
func choose(n, k int64) int64 {
	ways := int64(1)
	for i := int64(1); i <= k; i++ {
		ways = ways * (n - k + i) / i
	}
	return ways
}
