package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestArithmeticMatchesBigIntegersOrOverflows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts.Draw(t, "a"), amounts.Draw(t, "b")
		check(t, "add", new(big.Int).Add(wide(a), wide(b)), func() (Amount, error) { return a.Add(b) })
		check(t, "sub", new(big.Int).Sub(wide(a), wide(b)), func() (Amount, error) { return a.Sub(b) })
	})
}

func TestTimesIsTheFloorOfTheExactProduct(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := max(amounts.Draw(t, "stake"), 0)
		m := Multiplier(max(amounts.Draw(t, "multiplier"), 0))
		want := new(big.Int).Mul(wide(a), wide(Amount(m)))
		want.Quo(want, big.NewInt(MultiplierUnit))
		check(t, "times", want, func() (Amount, error) { return a.Times(m) })
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		stake Amount
		m     Multiplier
		want  Amount
	}{
		{100, 19_801, 198}, {1, 19_801, 1}, {1, 9_999, 0}, {0, 19_801, 0}, {100, 0, 0},
		{math.MaxInt64, MultiplierUnit, math.MaxInt64}, {1_000_000, 99_009_900, 9_900_990_000},
	} {
		if got, err := test.stake.Times(test.m); err != nil || got != test.want {
			t.Errorf("%d x %s = %d, %v; want %d", test.stake, test.m, got, err, test.want)
		}
	}
	if got, err := Amount(-1).Times(MultiplierUnit); err == nil {
		t.Errorf("a negative stake pays %d; want an error", got)
	}
}

// What is asked for is the exact product or up to one unit more.
func TestTimesUpIsTheCeilingOfTheExactProduct(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stake, m := rapid.Int64Min(0).Draw(t, "stake"), rapid.Int64Min(0).Draw(t, "multiplier")
		want := new(big.Int).Mul(big.NewInt(stake), big.NewInt(m))
		want.Add(want, big.NewInt(MultiplierUnit-1)).Quo(want, big.NewInt(MultiplierUnit))
		check(t, "stake x m", want, func() (Amount, error) { return Amount(stake).TimesUp(Multiplier(m)) })
	})
	for _, test := range []struct {
		stake Amount
		m     Multiplier
		want  Amount
	}{{1, 5_000, 1}, {3, 5_000, 2}, {2, 5_000, 1}, {7, 20_000, 14}, {0, 5_000, 0}, {1, 1, 1}} {
		if got, err := test.stake.TimesUp(test.m); got != test.want || err != nil {
			t.Errorf("%d x %s = %d, %v; want %d", test.stake, test.m, got, err, test.want)
		}
	}
	if _, err := Amount(-1).TimesUp(5_000); err == nil {
		t.Error("a negative stake has a cost")
	}
}

func TestSumStopsAtAnOverflow(t *testing.T) {
	t.Parallel()
	if got, err := Sum(1, 2, -4); got != -1 || err != nil {
		t.Errorf("sum = %d, %v; want -1", got, err)
	}
	if _, err := Sum(math.MaxInt64, 1, -1); !errors.Is(err, ErrOverflow) {
		t.Errorf("error = %v; want ErrOverflow", err)
	}
}

func TestMultiplierText(t *testing.T) {
	t.Parallel()
	for m, want := range map[Multiplier]string{
		19_801: "1.9801", 0: "0.0000", 5: "0.0005", 99_009_900: "9900.9900", -10_001: "-1.0001",
		math.MinInt64: "-922337203685477.5808",
	} {
		if got, err := m.MarshalText(); string(got) != want || err != nil {
			t.Errorf("%d as text = %q, %v; want %q", int64(m), got, err, want)
		}
	}
}

func TestAssetCodes(t *testing.T) {
	t.Parallel()
	for asset, want := range map[Asset]bool{
		Play: true, "EUR": true, "ABCDEFGH": true, "": false, "AB": false, "ABCDEFGHI": false, "play": false, "PL Y": false, "PLÄY": false,
	} {
		if got := asset.Valid(); got != want {
			t.Errorf("%q valid = %t; want %t", asset, got, want)
		}
	}
}

func FuzzTimes(f *testing.F) {
	f.Add(int64(100), int64(19_801))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, stake, multiplier int64) {
		got, err := Amount(stake).Times(Multiplier(multiplier))
		if err != nil {
			return
		}
		want := new(big.Int).Mul(big.NewInt(stake), big.NewInt(multiplier))
		if want.Quo(want, big.NewInt(MultiplierUnit)); want.Cmp(wide(got)) != 0 {
			t.Errorf("%d x %d = %d; want %s", stake, multiplier, got, want)
		}
	})
}

// amounts draws from the whole range, the edges more often than chance would.
var amounts = rapid.Custom(func(t *rapid.T) Amount {
	if rapid.Bool().Draw(t, "edge") {
		return rapid.SampledFrom([]Amount{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}).Draw(t, "at")
	}
	return Amount(rapid.Int64().Draw(t, "amount"))
})

func wide(a Amount) *big.Int { return big.NewInt(int64(a)) }

// check wants the exact result, or ErrOverflow exactly when it does not fit.
func check(t *rapid.T, name string, want *big.Int, op func() (Amount, error)) {
	got, err := op()
	if !want.IsInt64() {
		if !errors.Is(err, ErrOverflow) {
			t.Fatalf("%s = %d, %v; want ErrOverflow", name, got, err)
		}
		return
	}
	if err != nil || int64(got) != want.Int64() {
		t.Fatalf("%s = %d, %v; want %s", name, got, err, want)
	}
}
