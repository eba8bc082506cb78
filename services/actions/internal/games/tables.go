package games

import (
	"fmt"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/games/blackjack"
	"github.com/vegascore/vegascore/services/actions/internal/games/crash"
	"github.com/vegascore/vegascore/services/actions/internal/games/dice"
	"github.com/vegascore/vegascore/services/actions/internal/games/mines"
	"github.com/vegascore/vegascore/services/actions/internal/games/plinko"
	"github.com/vegascore/vegascore/services/actions/internal/games/roulette"
	"github.com/vegascore/vegascore/services/actions/internal/games/slots"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Stakes that the tables take, in minor units.
const (
	LeastStake money.Amount = 1
	MostStake  money.Amount = 1_000_000
)

// floor is how many tables of each game the house has: dice-1, dice-2, ... At shared ones
// bets are taken for so long, and the next round comes so long after the result.
var floor = []struct {
	game           string
	tables         int
	betting, pause time.Duration
}{
	{game: dice.Name, tables: 8},
	{game: slots.Name, tables: 4},
	{game: plinko.Name, tables: 4},
	{game: mines.Name, tables: 4},
	{game: blackjack.Name, tables: 4},
	{roulette.Name, 4, 15 * time.Second, 4 * time.Second},
	{crash.Name, 4, 7 * time.Second, 3 * time.Second},
}

// Table is a place where a game is played. What happens there goes to the room
// "table:" + ID, and facts about a table are ordered.
type Table struct {
	ID          string
	Game        string
	Least, Most money.Amount // of a stake

	Betting, Pause time.Duration // of a shared table: for bets, and between rounds
}

var tables = index(func(t Table) string { return t.ID }, Tables()...)

// Tables returns all tables, those of a game in the order of their numbers.
func Tables() []Table {
	var ts []Table
	for _, f := range floor {
		for n := range f.tables {
			ts = append(ts, Table{
				ID: fmt.Sprintf("%s-%d", f.game, n+1), Game: f.game, Least: LeastStake, Most: MostStake, Betting: f.betting, Pause: f.pause,
			})
		}
	}
	return ts
}

// TableOf returns the table if the game is played there, else the problem
// unknown_table.
func TableOf(game, id string) (Table, error) {
	t, ok := tables[id]
	if !ok || t.Game != game {
		return Table{}, problem.Of(problem.UnknownTable, "This game has no such table.")
	}
	return t, nil
}

// FindTable returns a table by its id, or the problem not_found.
func FindTable(id string) (Table, error) {
	t, ok := tables[id]
	if !ok {
		return Table{}, problem.Of(problem.NotFound, "There is no such table.")
	}
	return t, nil
}

// Accepts returns the problem stake_out_of_range unless the table takes the stake.
func (t Table) Accepts(stake money.Amount) error {
	if stake < t.Least || stake > t.Most {
		return problem.Of(problem.StakeOutOfRange, "A stake here is %d to %d.", t.Least, t.Most)
	}
	return nil
}
