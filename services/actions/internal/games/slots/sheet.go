package slots

import (
	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// Symbols that are not like the others: wild stands for any symbol but star; stars
// count wherever they lie.
const (
	wild = 'W'
	star = '*'
)

// strips are the five reels from top to bottom, and on from the top: crowns, anchors,
// compasses (M), lanterns, bells, shells and ropes, a wild on the three in the middle,
// a star on each.
var strips = [reels]string{
	"BMSLRBSMRSBRCLMA*BSRAL",
	"BRLMSLCRBSRABSMWLSRB*A",
	"RBWLSBRSLBRSLARMARSCM*",
	"RMLASRLBSLRBAC*BMSRWSB",
	"BLRBSARSMBSARLMSC*BLMR",
}

// lines are the ten paylines: for each reel the row, from the top.
var lines = [10][reels]int{
	{1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}, {2, 2, 2, 2, 2}, {0, 1, 2, 1, 0}, {2, 1, 0, 1, 2},
	{0, 0, 1, 2, 2}, {2, 2, 1, 0, 0}, {1, 0, 0, 0, 1}, {1, 2, 2, 2, 1}, {1, 0, 1, 0, 1},
}

// symbol pays for three, four and five of a kind on a line, from the first reel on, in
// tenths of the stake: each of the ten lines has a tenth of it.
type symbol struct {
	Letter string   `json:"letter"`
	Name   string   `json:"name"`
	Pays   [3]int64 `json:"pays"`
}

var symbols = []symbol{
	{"C", "crown", [3]int64{60, 300, 1500}},
	{"A", "anchor", [3]int64{40, 150, 600}},
	{"M", "compass", [3]int64{25, 80, 250}},
	{"L", "lantern", [3]int64{16, 50, 150}},
	{"B", "bell", [3]int64{9, 25, 80}},
	{"S", "shell", [3]int64{7, 20, 60}},
	{"R", "rope", [3]int64{6, 15, 50}},
}

// feature is what 3, 4 and 5 stars bring: stakes, and free spins. Free spins bring no
// more of them, and pay twice.
type feature struct {
	Stars int   `json:"stars"`
	Pays  int64 `json:"pays"`
	Free  int64 `json:"free_spins"`
}

var features = []feature{{3, 2, 8}, {4, 10, 12}, {5, 50, 20}}

// freePays is the factor of what a free spin pays.
const freePays = 2

// terms are everything that decides a round.
type terms struct {
	Strips   [reels]string    `json:"strips"`
	Rows     int              `json:"rows"`
	Lines    [10][reels]int   `json:"lines"`
	Symbols  []symbol         `json:"symbols"`
	Line     money.Multiplier `json:"line"` // what the symbols' numbers count
	Wild     string           `json:"wild"`
	Star     string           `json:"star"`
	Features []feature        `json:"features"`
	FreePays int64            `json:"free_pays"`
}

// Sheet returns the rules as data. The return is that of all stops of the reels, each
// spin with its free spins.
func Sheet() sheet.Sheet {
	return sheet.Sheet{
		Rules:   Rules,
		Most:    most,
		Returns: []sheet.Return{{Bet: "ten lines", RTP: sheet.Only(rtp), Hit: sheet.Only(hit)}},
		Terms: terms{
			Strips: strips, Rows: rows, Lines: lines, Symbols: symbols, Line: perLine,
			Wild: string(rune(wild)), Star: string(rune(star)), Features: features, FreePays: freePays,
		},
	}
}

// The exact figures: 96.46% is returned, 32.7% of the rounds pay something, and none
// pays more than most.
const (
	rtp  = "200162940497/207499396808"
	hit  = "843747/2576816"
	most = 6_522 * money.MultiplierUnit
)
