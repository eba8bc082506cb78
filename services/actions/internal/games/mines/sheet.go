package mines

import (
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// terms are the numbers that the rules rest on. Pays holds for each number of mines
// what taking the money pays after 1, 2, ... safe tiles.
type terms struct {
	Tiles    int64                `json:"tiles"`
	Returned money.Multiplier     `json:"returned"`
	Pays     [][]money.Multiplier `json:"pays"`
}

// Sheet returns the rules as data. The figures are for a player who has decided in
// advance after how many safe tiles to stop; no other way of playing returns less than
// the least or more than the greatest of them.
func Sheet() sheet.Sheet {
	s := sheet.Sheet{Rules: Rules}
	t := terms{Tiles: tiles, Returned: returned}
	for mines := int64(1); mines < tiles; mines++ {
		pays := make([]money.Multiplier, tiles-mines)
		for i := range pays {
			pays[i] = Multiplier(mines, int64(i)+1)
			s.Most = max(s.Most, pays[i])
		}
		t.Pays = append(t.Pays, pays)
		r := returns[mines-1]
		s.Returns = append(s.Returns, sheet.Return{Bet: fmt.Sprintf("mines %d", mines), RTP: r[0], Hit: r[1]})
	}
	s.Terms = t
	return s
}
