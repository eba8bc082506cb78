// Package slots is the rules of a slot machine of five reels and ten lines, three rows
// of which are seen. A spin stops each reel at a place of its own, all equally likely.
// Three stars and more, anywhere, start free spins; the player takes them one by one,
// so that a feature that was interrupted goes on where it stood.
package slots

import (
	"errors"
	"slices"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout.
const (
	Name  = "slots"
	Rules = "slots/1"
)

const (
	reels   = 5
	rows    = 3
	stops   = 22 // of each reel
	perLine = money.MultiplierUnit / 10
)

// SpinOn is the one action: the next free spin.
const SpinOn = "spin"

// Params is the player's bet. There is nothing to choose: the stake is on all lines.
type Params struct{}

// Check finds nothing wrong.
func (Params) Check() error { return nil }

// Action takes the next free spin.
type Action struct {
	Action string `json:"action"`
}

// Check says what is wrong with the action, in words for the player.
func (a Action) Check() error {
	if a.Action != SpinOn {
		return errors.New(`the action must be "spin"`)
	}
	return nil
}

// State is a round: the spins that were made, and how many free ones are left.
type State struct {
	Spins []Spin `json:"spins"`
	Free  int64  `json:"free"`
}

// Spin is where the reels stopped, the place of each that is in the top row, and what
// that pays.
type Spin struct {
	Stops [reels]int64     `json:"stops"`
	Pays  money.Multiplier `json:"pays"`
}

// Open makes the first spin. The bet takes nothing from Params.
func Open(_ Params, draws fair.Draws) State {
	spin := turn(draws)
	pays, free := spin.read()
	spin.Pays = pays
	return State{Spins: []Spin{spin}, Free: free}
}

// Act makes the next free spin.
func (s State) Act(_ Action, draws fair.Draws) (State, error) {
	spin := turn(draws)
	pays, _ := spin.read()
	spin.Pays = freePays * pays
	return State{Spins: append(slices.Clone(s.Spins), spin), Free: s.Free - 1}, nil
}

// Idle takes the free spins for a player who stays away.
func (s State) Idle() (Action, bool) { return Action{Action: SpinOn}, true }

// turn draws the reels from left to right.
func turn(draws fair.Draws) (s Spin) {
	for reel := range s.Stops {
		s.Stops[reel] = int64(draws.Intn(stops))
	}
	return s
}

// read returns what the stops pay in a spin that is not free, and the free spins that
// they bring.
func (s Spin) read() (pays money.Multiplier, free int64) {
	var seen [reels][rows]byte
	stars := 0
	for reel, stop := range s.Stops {
		for row := range rows {
			c := strips[reel][(int(stop)+row)%stops]
			seen[reel][row] = c
			if c == star {
				stars++
			}
		}
	}
	for i := range lines {
		pays += perLine * money.Multiplier(along(&seen, &lines[i]))
	}
	for _, f := range features {
		if f.Stars == stars {
			return pays + money.MultiplierUnit*money.Multiplier(f.Pays), f.Free
		}
	}
	return pays, 0
}

// along is what a line pays: as many of the first reel's symbol as follow each other,
// wilds among them. There is no wild on the first reel, and a star is no symbol here.
func along(seen *[reels][rows]byte, line *[reels]int) int64 {
	first, same := seen[0][line[0]], 1
	for same < reels {
		if c := seen[same][line[same]]; c != first && c != wild {
			break
		}
		same++
	}
	if same < 3 {
		return 0
	}
	for i := range symbols {
		if symbols[i].Letter[0] == first {
			return symbols[i].Pays[same-3]
		}
	}
	return 0
}

// Over reports whether no free spin is left.
func (s State) Over() bool { return s.Free == 0 }

// Staked is always one stake.
func (s State) Staked() money.Multiplier { return money.MultiplierUnit }

// Pays is the sum of all spins.
func (s State) Pays() money.Multiplier {
	var sum money.Multiplier
	for _, spin := range s.Spins {
		sum += spin.Pays
	}
	return sum
}

// View is what the player sees: everything, since the free spins that are left are not
// drawn yet. Rows of a spin are the symbols by their letters, from the top.
type View struct {
	Spins []Shown          `json:"spins"`
	Free  int64            `json:"free"`
	Won   money.Multiplier `json:"won"`
	Over  bool             `json:"over"`
}

// Shown is a spin with the symbols that are seen.
type Shown struct {
	Spin
	Rows [rows]string `json:"rows"`
}

// View returns what the player sees.
func (s State) View() any {
	v := View{Free: s.Free, Won: s.Pays(), Over: s.Over()}
	for _, spin := range s.Spins {
		shown := Shown{Spin: spin}
		for row := range rows {
			for reel, stop := range spin.Stops {
				shown.Rows[row] += string(strips[reel][(int(stop)+row)%stops])
			}
		}
		v.Spins = append(v.Spins, shown)
	}
	return v
}
