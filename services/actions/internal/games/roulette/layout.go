package roulette

import (
	"slices"

	"github.com/vegascore/vegascore/shared/money"
)

// kind is a kind of bet: what it pays for one stake beside the stake itself, and the
// places where it can be put, each by the numbers that win.
type kind struct {
	Bet    string           `json:"bet"`
	Odds   money.Multiplier `json:"-"` // whole stakes
	Places [][]int64        `json:"places"`
}

var red = []int64{1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36}

// kinds is the table of bets. The layout has twelve rows of three numbers; 0 lies above
// the first row and touches 1, 2 and 3.
var kinds = []kind{
	{"straight", 35, places(0, 36, 1, 0)},
	{"split", 17, slices.Concat([][]int64{{0, 1}, {0, 2}, {0, 3}}, beside(places(1, 35, 1, 0, 1)), places(1, 33, 1, 0, 3))},
	{"street", 11, places(1, 34, 3, 0, 1, 2)},
	{"trio", 11, [][]int64{{0, 1, 2}, {0, 2, 3}}},
	{"corner", 8, beside(places(1, 32, 1, 0, 1, 3, 4))},
	{"first_four", 8, [][]int64{{0, 1, 2, 3}}},
	{"six_line", 5, places(1, 31, 3, 0, 1, 2, 3, 4, 5)},
	{"dozen_1", 2, [][]int64{run(1, 12, 1)}},
	{"dozen_2", 2, [][]int64{run(13, 24, 1)}},
	{"dozen_3", 2, [][]int64{run(25, 36, 1)}},
	{"column_1", 2, [][]int64{run(1, 34, 3)}},
	{"column_2", 2, [][]int64{run(2, 35, 3)}},
	{"column_3", 2, [][]int64{run(3, 36, 3)}},
	{"red", 1, [][]int64{red}},
	{"black", 1, [][]int64{others(red)}},
	{"even", 1, [][]int64{run(2, 36, 2)}},
	{"odd", 1, [][]int64{run(1, 35, 2)}},
	{"low", 1, [][]int64{run(1, 18, 1)}},
	{"high", 1, [][]int64{run(19, 36, 1)}},
}

// find returns the kind of that name.
func find(bet string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.Bet == bet })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// named reports whether the kind has but one place, so that its name says it all.
func (k kind) named() bool { return len(k.Places) == 1 }

// pays is what a win pays, the stake included.
func (k kind) pays() money.Multiplier { return (k.Odds + 1) * money.MultiplierUnit }

// place returns the numbers that win, or nil when there is no such place.
func (k kind) place(numbers []int64) []int64 {
	if k.named() {
		return k.Places[0]
	}
	for _, p := range k.Places {
		if slices.Equal(p, numbers) {
			return p
		}
	}
	return nil
}

// places puts the offsets at every step from first to last.
func places(first, last, step int64, offsets ...int64) [][]int64 {
	var all [][]int64
	for _, at := range run(first, last, step) {
		p := make([]int64, len(offsets))
		for i, o := range offsets {
			p[i] = at + o
		}
		all = append(all, p)
	}
	return all
}

// beside keeps the places whose first two numbers lie in one row.
func beside(all [][]int64) [][]int64 {
	return slices.DeleteFunc(all, func(p []int64) bool { return p[0]%3 == 0 })
}

func run(first, last, step int64) []int64 {
	var numbers []int64
	for n := first; n <= last; n += step {
		numbers = append(numbers, n)
	}
	return numbers
}

// others are the numbers from 1 on that are not among these.
func others(these []int64) []int64 {
	return slices.DeleteFunc(run(1, pockets-1, 1), func(n int64) bool { return slices.Contains(these, n) })
}
