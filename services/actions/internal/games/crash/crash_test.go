package crash

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

func TestTheBustPointMatchesThePublishedVector(t *testing.T) {
	t.Parallel()
	got := Draw(fair.NewLink("9dd9a4ce539a7d11a36a96c71f3d939c46d972b2e56254bc85ea2c0681541dca", "23eb7069c6fc5b1369b92f5321af9f63"))
	if want := (Drawn{Bust: 774, LastMS: 34_129}); got != want {
		t.Errorf("round = %+v; want %+v", got, want)
	}
}

const precision = 256 // bits

// exp is e^(0.00006 x 2^k), by its series.
func exp(k int) *big.Float {
	x := new(big.Float).SetPrec(precision).SetRat(big.NewRat(6<<k, 100_000))
	sum, term := new(big.Float).SetPrec(precision).SetInt64(1), new(big.Float).SetPrec(precision).SetInt64(1)
	for n := int64(1); n < 100; n++ {
		term.Mul(term, x).Quo(term, new(big.Float).SetInt64(n))
		sum.Add(sum, term)
	}
	return sum
}

// The factors have all the digits that fit: less than one is missing in the last place.
func TestTheFactorsAreThePowersOfTheGrowth(t *testing.T) {
	t.Parallel()
	for k, g := range growths {
		got := new(big.Float).SetPrec(precision).SetMantExp(new(big.Float).SetUint64(g.mantissa), g.exponent-63)
		off := got.Sub(got, exp(k))
		if off.Abs(off).Cmp(new(big.Float).SetMantExp(big.NewFloat(1), g.exponent-63)) >= 0 || g.mantissa>>63 != 1 {
			t.Errorf("factor %d is off by %s", k, off.Text('g', 3))
		}
	}
}

// The growth is the formula, floor(100 x e^(0.00006 x ms)), at every millisecond that a
// round can last, computed here with 256 bits.
func TestTheMultiplierIsTheFormulaAtEveryMillisecond(t *testing.T) {
	t.Parallel()
	step := exp(0)
	value := new(big.Float).SetPrec(precision).SetInt64(100)
	last := Lasts(Most)
	for ms := int64(0); ms <= last; ms++ {
		want, _ := value.Int64() // rounds towards zero
		if want = min(want, Most); At(ms) != want {
			t.Fatalf("At(%d) = %d; want %d", ms, At(ms), want)
		}
		value.Mul(value, step)
	}
	if At(last) != Most || At(last-1) == Most {
		t.Errorf("the longest round ends after %d ms with %d", last, At(last))
	}
	for ms, want := range map[int64]int64{-1: 100, 0: 100, 1 << 18: Most, 1 << 40: Most, 1<<63 - 1: Most} {
		if got := At(ms); got != want {
			t.Errorf("At(%d) = %d; want %d", ms, got, want)
		}
	}
}

func TestARoundLastsUntilTheMultiplierIsAboveItsBust(t *testing.T) {
	t.Parallel()
	for _, bust := range []int64{100, 101, 102, 199, 200, 774, 10_000, 1_000_000, Most - 1} {
		last := Lasts(bust)
		if At(last) <= bust || At(last-1) > bust {
			t.Errorf("a bust at %d lasts %d ms: %d then, %d before", bust, last, At(last), At(last-1))
		}
	}
	if Lasts(Most) != Lasts(99<<32) {
		t.Errorf("rounds last %d and %d ms beyond the highest cash-out", Lasts(Most), Lasts(99<<32))
	}
}

// fixed draws the same number for ever.
type fixed uint64

func (f fixed) Intn(uint64) uint64 { return uint64(f) }

func TestBustPoints(t *testing.T) {
	t.Parallel()
	for i, want := range map[fixed]int64{0: 99 << 32, 1: 99 << 31, 1<<32 - 1: 100, 1<<31 - 1: 198, 4_252_017_623: 100, 4_209_918_437: 101, 4_209_918_438: 100} {
		if got := Draw(i).Bust; got != want {
			t.Errorf("draw %d busts at %d; want %d", i, got, want)
		}
	}
}

func out(ms int64) Action { return Action{CashOut, &ms} }

func TestRounds(t *testing.T) {
	t.Parallel()
	const bustsAt200 = 2_126_008_810 // the last draw that reaches 2.00
	for name, test := range map[string]struct {
		auto   int64
		action Action
		pays   money.Multiplier // -1: refused
		bust   int64            // that the player sees
	}{
		"by hand in time":             {Most, out(10_000), 18_200, 0},
		"by hand at the last moment":  {Most, out(Lasts(200) - 1), 20_000, 0},
		"by hand too late":            {Most, out(Lasts(200)), -1, 0},
		"by hand too early":           {Most, out(100), -1, 0},
		"at once":                     {Most, out(0), -1, 0},
		"years later":                 {Most, out(1<<63 - 1), -1, 0},
		"by itself":                   {150, Action{Action: End}, 15_000, 200},
		"by itself at the bust":       {200, Action{Action: End}, 20_000, 200},
		"by itself beyond the bust":   {201, Action{Action: End}, 0, 200},
		"by hand after it was paid":   {150, out(10_000), 15_000, 0},
		"by hand before it":           {199, out(10_000), 18_200, 0},
		"by hand, paid before a bust": {150, out(1 << 40), 15_000, 0},
	} {
		s := Open(Params{test.auto}, fixed(bustsAt200))
		if s.Bust != 200 || s.Over() {
			t.Fatalf("%s: opened as %+v", name, s)
		}
		if diff := cmp.Diff(View{Auto: test.auto}, s.View()); diff != "" {
			t.Errorf("%s: view of an open bet (-want +got):\n%s", name, diff)
		}
		s, err := s.Act(test.action, nil)
		if err != nil || test.pays < 0 {
			if err == nil || test.pays >= 0 {
				t.Errorf("%s: %+v, error = %v", name, s, err)
			}
			continue
		}
		want := View{Auto: test.auto, Multiplier: test.pays, Over: true, Bust: test.bust}
		if diff := cmp.Diff(want, s.View()); diff != "" || s.Pays() != test.pays || !s.Over() {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, auto := range []int64{-1, 0, 100, Most + 1} {
		if (Params{auto}).Check() == nil {
			t.Errorf("a cash-out at %d is accepted", auto)
		}
	}
	negative := int64(-1)
	for _, a := range []Action{{}, {Action: CashOut}, {CashOut, &negative}, {End, &negative}, {Action: "Cash_out"}} {
		if a.Check() == nil {
			t.Errorf("%+v is accepted", a)
		}
	}
}
