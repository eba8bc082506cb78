package plinko

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/odds"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

const (
	serverSeed = "18e93f4a7b5b58d2569765766d1b6c3296bbd8430d6f20249044d72f14720159"
	clientSeed = "bb62964774"
)

func TestThePathMatchesThePublishedVector(t *testing.T) {
	t.Parallel()
	got, pays := Play(Params{Low, 16}, fair.NewStream(serverSeed, clientSeed, 1))
	want := Outcome{Path: "RRLRLLLLRLLLRLLL", Slot: 5, Multiplier: 15_800}
	if got != want || pays != want.Multiplier {
		t.Errorf("round = %+v paying %s; want %+v", got, pays, want)
	}
}

func TestFewerRowsAreTheBeginningOfThePath(t *testing.T) {
	t.Parallel()
	for rows := int64(LeastRows); rows <= MostRows; rows++ {
		got, _ := Play(Params{High, rows}, fair.NewStream(serverSeed, clientSeed, 1))
		if want := "RRLRLLLLRLLLRLLL"[:rows]; got.Path != want {
			t.Errorf("path over %d rows = %s; want %s", rows, got.Path, want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, p := range []Params{{Low, 7}, {Low, 17}, {Low, 0}, {Low, -8}, {High, 1 << 62}, {"", 8}, {"LOW", 8}, {"extreme", 8}} {
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

// Every path of the ball through every number of rows, for each table: the least that
// a table may return is 94%, the most 99.5%.
func TestTheSheetSaysWhatTheTablesReturn(t *testing.T) {
	t.Parallel()
	var want []sheet.Return
	for _, risk := range []string{Low, Medium, High} {
		for rows := int64(LeastRows); rows <= MostRows; rows++ {
			p := Params{risk, rows}
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
			rtp := new(big.Rat)
			for slot := range rows + 1 {
				chance := new(big.Rat).SetFrac(new(big.Int).Binomial(rows, slot), new(big.Int).Lsh(big.NewInt(1), uint(rows)))
				if prize, float := p.Prizes()[slot], new(big.Rat).SetFloat64(p.Prizes()[slot].Chance); prize.Pays != p.pays(slot) || float.Cmp(chance) != 0 {
					t.Errorf("%+v: the prize of slot %d is %+v; its chance is %s", p, slot, prize, chance)
				}
				rtp.Add(rtp, chance.Mul(chance, odds.Of(p.pays(slot))))
			}
			if rtp.Cmp(big.NewRat(940, 1000)) < 0 || rtp.Cmp(big.NewRat(995, 1000)) > 0 {
				t.Errorf("%s over %d rows returns %s", risk, rows, rtp.FloatString(6))
			}
			want = append(want, sheet.Return{Bet: fmt.Sprintf("%s, %d rows", risk, rows), RTP: sheet.Only(rtp.String()), Hit: sheet.Only("1/1")})
		}
	}
	if diff := cmp.Diff(want, Sheet().Returns); diff != "" {
		t.Errorf("the sheet is wrong (-enumerated +sheet):\n%s", diff)
	}
}

// What the paths of 8 rows pay when they are played one by one is what the binomial
// chances say.
func TestAllPathsPlayedReturnTheSame(t *testing.T) {
	t.Parallel()
	for i, risk := range []string{Low, Medium, High} {
		rtp, paths := new(big.Rat), make(map[string]bool)
		odds.Each(func(draws *odds.Course) {
			o, pays := Play(Params{risk, LeastRows}, draws)
			paths[o.Path] = true
			rtp.Add(rtp, new(big.Rat).Mul(draws.Chance(), odds.Of(pays)))
		})
		want := Sheet().Returns[i*(MostRows-LeastRows+1)].RTP
		if got := sheet.Only(rtp.String()); got != want || len(paths) != 1<<LeastRows {
			t.Errorf("%d paths of %s return %s; want %s", len(paths), risk, got, want)
		}
	}
}

func TestTablesFallToTheMiddleAndMirror(t *testing.T) {
	t.Parallel()
	for risk, byRows := range halves {
		for i, half := range byRows {
			rows := int64(LeastRows + i)
			if int64(len(half)) != rows/2+1 || !slices.IsSortedFunc(half, func(a, b money.Multiplier) int { return int(b - a) }) {
				t.Errorf("%s over %d rows: half a table is %v", risk, rows, half)
			}
			p := Params{risk, rows}
			for slot := range rows + 1 {
				if p.pays(slot) != p.pays(rows-slot) || p.pays(slot) <= 0 || p.pays(slot) > Sheet().Most {
					t.Errorf("%+v: slot %d pays %s", p, slot, p.pays(slot))
				}
			}
		}
	}
}

// 20,000 rounds from a fixed seed return what the sheet says, within four standard
// deviations.
func TestManyRoundsReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	var paid int64
	for nonce := range uint64(rounds) {
		_, pays := Play(Params{Low, 16}, fair.NewStream("00", "client", nonce))
		paid += int64(pays)
	}
	if got := float64(paid) / rounds / money.MultiplierUnit; got < 0.97 || got > 1.01 {
		t.Errorf("%.4f of the stakes were returned; want about 0.99", got)
	}
}
