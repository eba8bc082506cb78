package crash

import (
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// terms are the numbers that the rules rest on. Growths are the mantissas from which
// the multiplier at a time is computed, as text: they have 64 bits.
type terms struct {
	Space    int64    `json:"space"`
	Returned int64    `json:"returned"`
	Least    int64    `json:"least"`
	Most     int64    `json:"most"`
	Growth   string   `json:"growth_per_ms"`
	Growths  []string `json:"growths"`
}

// Sheet returns the rules as data. The figures are for a cash-out at a multiplier that
// was chosen before, the least and the greatest of all of them; a player who cashes out
// by hand chooses one of them too.
func Sheet() sheet.Sheet {
	t := terms{Space: space, Returned: returned, Least: Least, Most: Most, Growth: "0.00006"}
	for _, g := range growths {
		t.Growths = append(t.Growths, fmt.Sprint(g.mantissa))
	}
	return sheet.Sheet{
		Rules:   Rules,
		Most:    Most * (money.MultiplierUnit / 100),
		Returns: []sheet.Return{{Bet: "cash out at any multiplier", RTP: rtp, Hit: hit}},
		Terms:   t,
	}
}

// The exact figures of all cash-outs from 1.01 to 100,000.00.
var (
	rtp = sheet.Range{"26574485337/26843545600", "99/100"}
	hit = sheet.Range{"5315/536870912", "2104959219/2147483648"}
)
