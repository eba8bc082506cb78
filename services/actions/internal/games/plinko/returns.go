package plinko

import (
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
)

// returned is what each table gives back, by risk and by number of rows from 8 on.
var returned = map[string][MostRows - LeastRows + 1]string{
	Low: {
		"6337/6400",
		"3167/3200",
		"3167/3200",
		"101401/102400",
		"202853/204800",
		"403161/409600",
		"405561/409600",
		"811237/819200",
		"810991/819200",
	},
	Medium: {
		"3167/3200",
		"12667/12800",
		"12667/12800",
		"20267/20480",
		"101351/102400",
		"201871/204800",
		"100719/102400",
		"1621583/1638400",
		"1621459/1638400",
	},
	High: {
		"3153/3200",
		"507/512",
		"12671/12800",
		"10093/10240",
		"202837/204800",
		"101397/102400",
		"803727/819200",
		"807763/819200",
		"811611/819200",
	},
}

// returns are the figures of all tables. Every slot pays something, so every round
// hits.
func returns() []sheet.Return {
	var all []sheet.Return
	for _, risk := range []string{Low, Medium, High} {
		for i, rtp := range returned[risk] {
			bet := fmt.Sprintf("%s, %d rows", risk, LeastRows+i)
			all = append(all, sheet.Return{Bet: bet, RTP: sheet.Only(rtp), Hit: sheet.Only("1/1")})
		}
	}
	return all
}
