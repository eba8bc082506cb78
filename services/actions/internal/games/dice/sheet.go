package dice

import (
	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// terms are the numbers that the rules rest on.
type terms struct {
	Results  int64            `json:"results"`
	Returned money.Multiplier `json:"returned"`
	MostWins int64            `json:"most_wins"`
}

// Sheet returns the rules as data. Of the targets, each its own bet, it gives the least
// and the greatest return.
func Sheet() sheet.Sheet {
	return sheet.Sheet{
		Rules: Rules,
		Most:  returned * results,
		Returns: []sheet.Return{{
			Bet: "under or over any target",
			RTP: sheet.Range{"24750033/25002500", "99/100"},
			Hit: sheet.Range{"1/10001", "9900/10001"},
		}},
		Terms: terms{Results: results, Returned: returned, MostWins: mostWins},
	}
}
