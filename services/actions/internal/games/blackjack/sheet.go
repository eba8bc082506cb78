package blackjack

import (
	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// terms are the rules that a table of blackjack prints.
type terms struct {
	Deck           string           `json:"deck"`
	Ranks          []string         `json:"ranks"`
	Suits          []string         `json:"suits"`
	DealerStands   int64            `json:"dealer_stands"`
	DealerStandsOn string           `json:"dealer_stands_on"`
	DealerLooks    bool             `json:"dealer_looks"`
	Blackjack      money.Multiplier `json:"blackjack_pays"`
	Insurance      money.Multiplier `json:"insurance_costs"`
	Insured        money.Multiplier `json:"insurance_pays"`
	Splits         int64            `json:"splits"`
	SplitAces      int64            `json:"cards_to_split_aces"`
	Doubles        string           `json:"doubles"`
	Doubled        string           `json:"doubles_after_split"`
	Stands         int64            `json:"player_stands_on"`
}

// Sheet returns the rules as data. The figures are for the best play, and count what is
// won or lost by it in first stakes.
func Sheet() sheet.Sheet {
	return sheet.Sheet{
		Rules:   Rules,
		Most:    most,
		Returns: []sheet.Return{{Bet: "best play", RTP: sheet.Only(bestRTP), Hit: sheet.Only(bestHit)}},
		Terms: terms{
			Deck: "infinite", Ranks: ranks[:], Suits: suits[:], DealerStands: dealerStands, DealerStandsOn: "hard and soft",
			DealerLooks: true, Blackjack: threeToTwo, Insurance: insurance, Insured: insured, Splits: 1, SplitAces: 1,
			Doubles: "any two cards", Doubled: "any two cards but split aces", Stands: best,
		},
	}
}

// The exact figures of the best play: it wins -0.570388% of the first stakes, and
// 52.4% of the rounds pay something.
const (
	bestRTP = "7016161098045143337706614398/7056410014866816666030739693"
	bestHit = "3014246917006574497687278191339581755/5756130429098929077956071497934208653"
)
