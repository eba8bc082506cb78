package roulette

import (
	"fmt"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// terms are the pockets and the table of bets with what each pays, the stake included.
type terms struct {
	Pockets int64   `json:"pockets"`
	Red     []int64 `json:"red"`
	Bets    []paid  `json:"bets"`
}

type paid struct {
	kind
	Pays money.Multiplier `json:"pays"`
}

// Sheet returns the rules as data. Every bet gives back 36/37 of the stakes: 1/37 is
// the house's.
func Sheet() sheet.Sheet {
	s, t := sheet.Sheet{Rules: Rules}, terms{Pockets: pockets, Red: red}
	for _, k := range kinds {
		p := paid{k, k.pays()}
		t.Bets = append(t.Bets, p)
		s.Most = max(s.Most, p.Pays)
		hit := fmt.Sprintf("%d/%d", len(k.Places[0]), pockets) // 37 is prime: in lowest terms
		s.Returns = append(s.Returns, sheet.Return{Bet: k.Bet, RTP: sheet.Only("36/37"), Hit: sheet.Only(hit)})
	}
	s.Terms = t
	return s
}
