package dice

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/odds"
)

// The sheet's figures are those of all the bets that are accepted. How many results win
// is counted elsewhere, by playing them.
func TestTheSheetSaysWhatTheBetsReturn(t *testing.T) {
	t.Parallel()
	var rtp, hit odds.Span
	for _, direction := range []string{Under, Over} {
		for target := range int64(results) {
			p := Params{direction, target}
			if p.Check() != nil {
				continue
			}
			chance := big.NewRat(p.wins(), results)
			hit.Add(chance)
			rtp.Add(new(big.Rat).Mul(chance, odds.Of(p.Multiplier())))
		}
	}
	want := []sheet.Return{{Bet: "under or over any target", RTP: rtp.Range(), Hit: hit.Range()}}
	if diff := cmp.Diff(want, Sheet().Returns); diff != "" {
		t.Errorf("the sheet is wrong (-enumerated +sheet):\n%s", diff)
	}
}
