package games

import (
	"encoding/json"
	"fmt"

	"github.com/vegascore/vegascore/shared/fair"
)

// sample is what the tests play of a game: bets, and actions that are tried in turn,
// legal in the moment or not.
type sample struct {
	params  []string
	actions []string
}

// samples holds every game of the list.
var samples = map[string]sample{
	"dice":      {params: []string{`{"direction":"under","target":5000}`, `{"direction":"over","target":9999}`, `{"direction":"under","target":9900}`}},
	"plinko":    {params: []string{`{"risk":"low","rows":8}`, `{"risk":"medium","rows":13}`, `{"risk":"high","rows":16}`}},
	"slots":     {params: []string{`{}`}, actions: []string{`{"action":"spin"}`}},
	"mines":     {params: []string{`{"mines":1}`, `{"mines":5}`, `{"mines":24}`}, actions: reveals()},
	"blackjack": {params: []string{`{}`}, actions: words("decline", "split", "hit", "double", "stand", "insure")},
	"roulette":  {params: []string{`{"bet":"red"}`, `{"bet":"straight","numbers":[0]}`, `{"bet":"corner","numbers":[1,2,4,5]}`, `{"bet":"dozen_2"}`}},
	"crash": {params: []string{`{"auto":101}`, `{"auto":200}`, `{"auto":10000000}`}, actions: []string{
		`{"action":"cash_out","at_ms":0}`, `{"action":"cash_out","at_ms":9000}`, `{"action":"cash_out","at_ms":40000}`, `{"action":"end"}`,
	}},
}

func words(actions ...string) (all []string) {
	for _, a := range actions {
		all = append(all, fmt.Sprintf(`{"action":%q}`, a))
	}
	return all
}

func reveals() (all []string) {
	for _, tile := range []int{3, 12, 3, 20, 7} {
		all = append(all, fmt.Sprintf(`{"action":"reveal","tile":%d}`, tile))
	}
	return append(all, `{"action":"cash_out"}`)
}

// played is a round with the actions that it took.
type played struct {
	params  json.RawMessage
	actions []json.RawMessage
	round   Round
}

// run opens a round and gives it actions as next says, until it is over or next has no
// more. What the rules refuse is not taken.
func run(g Game, params string, draws fair.Draws, next func(i int) (action string, ok bool)) (played, error) {
	move, err := g.Read([]byte(params))
	if err != nil {
		return played{}, err
	}
	p := played{params: move.Params}
	if p.round, err = move.Open(draws); err != nil {
		return played{}, err
	}
	for i := 0; !p.round.Over; i++ {
		text, ok := next(i)
		if !ok {
			break
		}
		action, err := g.Action([]byte(text))
		if err != nil {
			return played{}, err
		}
		after, err := p.round.Act(action, draws)
		if err != nil {
			continue
		}
		p.round, p.actions = after, append(p.actions, action.Text)
	}
	return p, nil
}
