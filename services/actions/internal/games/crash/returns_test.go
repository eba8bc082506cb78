package crash

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

const whole = returned * space // hundredths that are handed out to the draws

// reaching is how many of the 2^32 draws reach a multiplier of more than 1.00:
// whole / (i+1) >= target holds for i+1 up to whole / target.
func reaching(target int64) int64 { return whole / target }

// The count is exact: the last draw that it counts reaches the target, the next one
// does not, and bust points fall as draws grow.
func TestDrawsReachTargetsAsOftenAsTheProofCounts(t *testing.T) {
	t.Parallel()
	step := int64(1)
	for target := int64(Least); target <= Most; target += step {
		n := uint64(reaching(target))
		if n >= space || bustAt(n-1) < target || bustAt(n) >= target {
			t.Fatalf("%d draws of 2^32 are said to reach %d: the last gives %d, the next %d", n, target, bustAt(n-1), bustAt(n))
		}
		if target > 20_000 {
			step = 997
		}
	}
	for i, previous := uint64(1), bustAt(0); i < space; i += 1 + i/1000 {
		if got := bustAt(i); got > previous || got < 100 {
			t.Fatalf("draw %d busts at %d after %d", i, got, previous)
		} else {
			previous = got
		}
	}
}

// Every cash-out from 1.01 to 100,000.00: target x reaching / (100 x 2^32) comes back.
func TestTheSheetSaysWhatEveryCashOutReturns(t *testing.T) {
	t.Parallel()
	least, most := int64(whole), int64(0)
	for target := int64(Least); target <= Most; target++ {
		back := whole - whole%target // target x reaching
		least, most = min(least, back), max(most, back)
	}
	figure := func(numerator, denominator int64) string { return big.NewRat(numerator, denominator).String() }
	want := []sheet.Return{{
		Bet: "cash out at any multiplier",
		RTP: sheet.Range{figure(least, 100*space), figure(most, 100*space)},
		Hit: sheet.Range{figure(reaching(Most), space), figure(reaching(Least), space)},
	}}
	if diff := cmp.Diff(want, Sheet().Returns); diff != "" {
		t.Errorf("the sheet is wrong (-enumerated +sheet):\n%s", diff)
	}
}

// 20,000 rounds of a chain from a fixed hash: cashed out at 2.00, they return what the
// sheet says, within four standard deviations.
func TestManyRoundsReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	var paid int64
	hash := fair.Hash("00")
	for range rounds {
		s, err := Open(Params{200}, fair.NewLink(hash, "salt")).Act(Action{Action: End}, nil)
		if err != nil {
			t.Fatal(err)
		}
		paid += int64(s.Pays())
		hash = fair.Hash(hash)
	}
	if got := float64(paid) / rounds / money.MultiplierUnit; got < 0.9617 || got > 1.0183 {
		t.Errorf("%.4f of the stakes were returned; want about 0.99", got)
	}
}
