package plinko

import (
	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// halves are the payouts by risk and number of rows, from 8 to 16, in hundredths of
// the stake, from the outermost slot to the middle: the other half mirrors them.
var halves = map[string][MostRows - LeastRows + 1][]money.Multiplier{
	Low: {
		{500, 260, 140, 79, 50},
		{550, 260, 144, 93, 75},
		{800, 390, 200, 117, 75, 57},
		{850, 500, 290, 163, 91, 48},
		{1000, 520, 290, 169, 107, 74, 60},
		{850, 550, 360, 230, 143, 88, 50},
		{700, 470, 310, 220, 149, 106, 77, 60},
		{1400, 890, 560, 350, 220, 133, 80, 45},
		{1500, 960, 610, 390, 250, 158, 100, 64, 40},
	},
	Medium: {
		{1200, 380, 136, 60, 36},
		{1700, 530, 188, 78, 44},
		{2100, 700, 260, 111, 56, 38},
		{2500, 940, 370, 157, 72, 40},
		{3200, 1150, 460, 200, 98, 56, 40},
		{4200, 1650, 660, 280, 130, 66, 40},
		{5500, 2000, 810, 350, 167, 88, 53, 40},
		{8500, 3200, 1300, 540, 240, 111, 58, 36},
		{10500, 3700, 1400, 580, 270, 139, 82, 55, 46},
	},
	High: {
		{2700, 490, 115, 37, 20},
		{4200, 850, 193, 51, 18},
		{7200, 1250, 280, 79, 31, 19},
		{11500, 2100, 450, 118, 39, 20},
		{16500, 3000, 670, 184, 65, 30, 21},
		{25000, 4900, 1100, 290, 92, 36, 21},
		{40000, 7400, 1600, 420, 135, 54, 28, 20},
		{60000, 12000, 2700, 690, 200, 72, 32, 20},
		{90000, 17500, 3900, 1000, 300, 110, 48, 27, 20},
	},
}

// terms are all the payouts: by risk, by number of rows from 8 on, from the left slot
// to the right one.
type terms map[string][][]money.Multiplier

// Sheet returns the rules as data.
func Sheet() sheet.Sheet {
	s := sheet.Sheet{Rules: Rules, Returns: returns()}
	all := terms{}
	for _, risk := range []string{Low, Medium, High} {
		for rows := int64(LeastRows); rows <= MostRows; rows++ {
			table := make([]money.Multiplier, rows+1)
			for slot := range table {
				table[slot] = Params{risk, rows}.pays(int64(slot))
				s.Most = max(s.Most, table[slot])
			}
			all[risk] = append(all[risk], table)
		}
	}
	s.Terms = all
	return s
}
