package mines

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/odds"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// chance is the exact chance that the first tiles which a player turns over are safe:
// every set of mines is equally likely, and C(25-k,m) of C(25,m) spare k given tiles.
func chance(mines, safe int64) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).Binomial(tiles-safe, mines), new(big.Int).Binomial(tiles, mines))
}

// All numbers of mines and all numbers of safe tiles to stop after.
func TestTheSheetSaysWhatTheBetsReturn(t *testing.T) {
	t.Parallel()
	var want []sheet.Return
	for mines := int64(1); mines < tiles; mines++ {
		var rtp, hit odds.Span
		for safe := int64(1); safe <= tiles-mines; safe++ {
			p := chance(mines, safe)
			hit.Add(p)
			rtp.Add(new(big.Rat).Mul(p, odds.Of(Multiplier(mines, safe))))
		}
		want = append(want, sheet.Return{Bet: fmt.Sprintf("mines %d", mines), RTP: rtp.Range(), Hit: hit.Range()})
	}
	if diff := cmp.Diff(want, Sheet().Returns); diff != "" {
		t.Errorf("the sheet is wrong (-enumerated +sheet):\n%s", diff)
	}
}

// The chances above are those of the draws: every course of the draws of up to three
// mines, and whether the tiles from 0 on are safe.
func TestTheDrawsSpareTilesWithTheirExactChance(t *testing.T) {
	t.Parallel()
	for mines := int64(1); mines <= 3; mines++ {
		var spared [tiles]*big.Rat // by the number of safe tiles before the first mine
		for i := range spared {
			spared[i] = new(big.Rat)
		}
		odds.Each(func(draws *odds.Course) {
			s := Open(Params{mines}, draws)
			for i := int64(0); !s.hit(); i++ {
				spared[i].Add(spared[i], draws.Chance())
				s, _ = s.Act(reveal(i), nil)
				if s.CashedOut {
					spared[i+1].Add(spared[i+1], draws.Chance())
					break
				}
			}
		})
		for safe := range tiles - mines + 1 {
			if want := chance(mines, safe); spared[safe].Cmp(want) != 0 {
				t.Errorf("%d mines: %d tiles are safe with chance %s; want %s", mines, safe, spared[safe], want)
			}
		}
	}
}

// 20,000 rounds from a fixed seed, three mines and two tiles, return what the sheet
// says, within four standard deviations.
func TestManyRoundsReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	var paid int64
	for nonce := range uint64(rounds) {
		s := Open(Params{3}, fair.NewStream("00", "client", nonce))
		for _, a := range []Action{reveal(7), reveal(12), {Action: CashOut}} {
			if !s.Over() {
				s, _ = s.Act(a, nil)
			}
		}
		paid += int64(s.Pays())
	}
	if got := float64(paid) / rounds / money.MultiplierUnit; got < 0.97 || got > 1.01 {
		t.Errorf("%.4f of the stakes were returned; want about 0.99", got)
	}
}
