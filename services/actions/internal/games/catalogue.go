package games

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
)

// versions is the list of games, by name and by version.
type versions struct {
	list     []Game // in the order of the list
	versions map[string]Game
	played   map[string]Game
}

// catalogue indexes the list. Two entries of one version are a mistake in it.
func catalogue(list ...Game) versions {
	v := versions{list: list, versions: make(map[string]Game, len(list)), played: make(map[string]Game, len(list))}
	for _, g := range list {
		if _, twice := v.versions[g.Rules]; twice {
			panic("games: " + g.Rules + " is listed twice")
		}
		v.versions[g.Rules], v.played[g.Name] = g, g
	}
	return v
}

// Versions returns every version of every game, in the order in which they are listed.
func Versions() []Game { return append([]Game(nil), all.list...) }

// entry is a game of a sheet, without its play.
func entry(rules sheet.Sheet) Game {
	name, _, ok := strings.Cut(rules.Rules, "/")
	text, err := json.Marshal(rules)
	if err != nil || !ok {
		panic(fmt.Sprintf("games: the sheet of %q: %v", rules.Rules, err)) // found by any test: sheets are constants
	}
	sum := sha256.Sum256(text)
	return Game{Name: name, Rules: rules.Rules, Sheet: text, Most: rules.Most, Hash: hex.EncodeToString(sum[:]), Return: bounds(rules.Returns)}
}

// bounds are the least and the greatest return of all bets of a game.
func bounds(all []sheet.Return) [2]float64 {
	b := [2]float64{math.Inf(1), 0}
	for _, r := range all {
		for i, text := range r.RTP {
			exact, ok := new(big.Rat).SetString(text)
			if !ok {
				panic(fmt.Sprintf("games: %q is no return", text)) // found by any test: sheets are constants
			}
			if f, _ := exact.Float64(); i == 0 {
				b[0] = min(b[0], f)
			} else {
				b[1] = max(b[1], f)
			}
		}
	}
	return b
}

func index[T any](key func(T) string, entries ...T) map[string]T {
	m := make(map[string]T, len(entries))
	for _, e := range entries {
		m[key(e)] = e
	}
	return m
}
