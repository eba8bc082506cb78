package roulette

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/odds"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

func TestSpinsMatchThePublishedVectors(t *testing.T) {
	t.Parallel()
	for nonce, want := range []int64{33, 6, 22, 33} {
		got := Spin(fair.NewStream("f7b51b19a4563681f2c1e00ef747884a", "94ffb08138facf8cffa9c376d703aaed", uint64(nonce)))
		if got.Pocket != want {
			t.Errorf("nonce %d spins %d; want %d", nonce, got.Pocket, want)
		}
	}
}

// every is all bets that the table has.
func every() []Params {
	var all []Params
	for _, k := range kinds {
		for _, p := range k.Places {
			if k.named() {
				p = nil
			}
			all = append(all, Params{k.Bet, p})
		}
	}
	return all
}

// Every bet on every place, in all 37 pockets, gives back exactly 36/37.
func TestEveryBetReturnsWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	figures := make(map[string]sheet.Return)
	for _, r := range Sheet().Returns {
		figures[r.Bet] = r
	}
	for _, p := range every() {
		if err := p.Check(); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		rtp, hit := new(big.Rat), new(big.Rat)
		odds.Each(func(draws *odds.Course) {
			o, pays := Play(p, draws)
			if o.Win != (pays > 0) || o.Win && pays != o.Multiplier {
				t.Errorf("%+v: %+v pays %s", p, o, pays)
			}
			if o.Win {
				hit.Add(hit, draws.Chance())
			}
			rtp.Add(rtp, new(big.Rat).Mul(draws.Chance(), odds.Of(pays)))
		})
		chance, _ := hit.Float64()
		k, _ := find(p.Bet)
		if diff := cmp.Diff([]money.Prize{{Pays: k.pays(), Chance: chance}}, p.Prizes()); diff != "" {
			t.Errorf("%+v: prizes (-enumerated +said):\n%s", p, diff)
		}
		want := sheet.Return{Bet: p.Bet, RTP: sheet.Only("36/37"), Hit: sheet.Only(hit.String())}
		if diff := cmp.Diff(want, figures[p.Bet]); diff != "" || rtp.Cmp(big.NewRat(36, 37)) != 0 {
			t.Errorf("%+v returns %s (-enumerated +sheet):\n%s", p, rtp, diff)
		}
	}
}

// The numbers of places are those of the printed layout.
func TestTheLayoutIsComplete(t *testing.T) {
	t.Parallel()
	for bet, want := range map[string]struct {
		places, numbers int
		pays            money.Multiplier
	}{
		"straight": {37, 1, 360_000}, "split": {60, 2, 180_000}, "street": {12, 3, 120_000}, "trio": {2, 3, 120_000},
		"corner": {22, 4, 90_000}, "first_four": {1, 4, 90_000}, "six_line": {11, 6, 60_000},
		"dozen_1": {1, 12, 30_000}, "dozen_2": {1, 12, 30_000}, "dozen_3": {1, 12, 30_000},
		"column_1": {1, 12, 30_000}, "column_2": {1, 12, 30_000}, "column_3": {1, 12, 30_000},
		"red": {1, 18, 20_000}, "black": {1, 18, 20_000}, "even": {1, 18, 20_000}, "odd": {1, 18, 20_000}, "low": {1, 18, 20_000}, "high": {1, 18, 20_000},
	} {
		k, ok := find(bet)
		if !ok || len(k.Places) != want.places || k.pays() != want.pays {
			t.Errorf("%s: %d places at %d to 1; want %+v", bet, len(k.Places), k.Odds, want)
		}
		seen := make(map[string]bool)
		for _, p := range k.Places {
			if len(p) != want.numbers || !slices.IsSorted(p) || p[0] < 0 || p[len(p)-1] >= pockets || seen[string(asBytes(p))] {
				t.Errorf("%s: place %v", bet, p)
			}
			seen[string(asBytes(p))] = true
		}
	}
	if len(kinds) != 19 || len(every()) != 157 {
		t.Errorf("%d kinds with %d places; want 19 with 157", len(kinds), len(every()))
	}
}

func asBytes(numbers []int64) []byte {
	var b []byte
	for _, n := range numbers {
		b = append(b, byte(n))
	}
	return b
}

func TestPlay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		p    Params
		draw fixed
		want Outcome
	}{
		{Params{"straight", []int64{0}}, 0, Outcome{Spun{0, "green"}, true, 360_000}},
		{Params{"straight", []int64{17}}, 17, Outcome{Spun{17, "black"}, true, 360_000}},
		{Params{"straight", []int64{17}}, 18, Outcome{Spun{18, "red"}, false, 360_000}},
		{Params{"even", nil}, 0, Outcome{Spun{0, "green"}, false, 20_000}},
		{Params{"low", nil}, 18, Outcome{Spun{18, "red"}, true, 20_000}},
		{Params{"high", nil}, 18, Outcome{Spun{18, "red"}, false, 20_000}},
		{Params{"column_3", nil}, 36, Outcome{Spun{36, "red"}, true, 30_000}},
		{Params{"first_four", nil}, 3, Outcome{Spun{3, "red"}, true, 90_000}},
		{Params{"corner", []int64{32, 33, 35, 36}}, 35, Outcome{Spun{35, "black"}, true, 90_000}},
		{Params{"split", []int64{33, 36}}, 33, Outcome{Spun{33, "black"}, true, 180_000}},
	} {
		if err := test.p.Check(); err != nil {
			t.Errorf("%+v: %v", test.p, err)
			continue
		}
		if got, _ := Play(test.p, test.draw); got != test.want {
			t.Errorf("%+v = %+v; want %+v", test.p, got, test.want)
		}
	}
}

// fixed draws the same number for ever.
type fixed uint64

func (f fixed) Intn(uint64) uint64 { return uint64(f) }

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, p := range []Params{
		{"", nil}, {"Red", nil}, {"red", []int64{1}}, {"dozen", []int64{1}}, {"dozen_4", nil},
		{"straight", nil}, {"straight", []int64{37}}, {"straight", []int64{-1}}, {"straight", []int64{1, 2}},
		{"split", []int64{2, 1}}, {"split", []int64{3, 4}}, {"split", []int64{0, 4}}, {"split", []int64{1, 1}}, {"split", []int64{34, 37}},
		{"street", []int64{2, 3, 4}}, {"trio", []int64{0, 1, 3}}, {"corner", []int64{3, 4, 6, 7}}, {"corner", []int64{0, 1, 2, 3}},
		{"six_line", []int64{34, 35, 36, 37, 38, 39}}, {"first_four", []int64{0, 1, 2, 3}},
	} {
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

// 20,000 spins from a fixed seed: red returns what the sheet says, within four standard
// deviations.
func TestManySpinsReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	var paid int64
	for nonce := range uint64(rounds) {
		_, pays := Play(Params{Bet: "red"}, fair.NewStream("00", "client", nonce))
		paid += int64(pays)
	}
	if got := float64(paid) / rounds / money.MultiplierUnit; got < 0.9446 || got > 1.0014 {
		t.Errorf("%.4f of the stakes were returned; want about 0.973", got)
	}
}
