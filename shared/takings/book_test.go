package takings

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vegascore/vegascore/shared/money"
)

// coin pays 1.98 for a half, as dice does at 50.00.
var coin = []money.Prize{{Pays: 19_800, Chance: .5}}

func TestTheoryIsOfWhatWouldBePaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stake                        money.Amount
		prizes                       []money.Prize
		expected, variance, farthest float64
	}{
		"even":                 {100, coin, 99, 99 * 99, 99},
		"rounded down":         {1, coin, .5, .25, .5}, // 1.98 is paid as 1
		"long odds":            {10, []money.Prize{{Pays: 990_000, Chance: .01}}, 9.9, .01*990*990 - 9.9*9.9, 980.1},
		"two prizes":           {10, []money.Prize{{Pays: 10_000, Chance: .5}, {Pays: 20_000, Chance: .2}}, 9, .5*100 + .2*400 - 81, 11},
		"never":                {10, nil, 0, 0, 0},
		"more than an account": {math.MaxInt64, []money.Prize{{Pays: math.MaxInt64, Chance: .5}}, 0, 0, 0},
	} {
		expected, variance, farthest := theory(test.stake, test.prizes)
		if !near(expected, test.expected) || !near(variance, test.variance) || !near(farthest, test.farthest) {
			t.Errorf("%s: theory = %v, %v, %v; want %v, %v, %v", name, expected, variance, farthest, test.expected, test.variance, test.farthest)
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// play settles n rounds with stakes of 1 to 1,000 that are won with this chance.
func play(b *Book, n int, chance float64, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for range n {
		stake, payout := money.Amount(1+r.IntN(1000)), money.Amount(0)
		if r.Float64() < chance {
			payout, _ = stake.Times(coin[0].Pays)
		}
		b.Settled("coin", stake, payout, coin)
	}
}

func TestAFairGameStaysInItsBand(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		b := New([]string{"coin"})
		for range 20 {
			play(b, 250, .5, seed*100+b.games["coin"].Bets)
			if f := b.Sums("coin").Band(); f.Outside || f.RTP < f.Low || f.RTP > f.High {
				t.Fatalf("seed %d: RTP %v after %d bets is outside of %v to %v", seed, f.RTP, b.Sums("coin").Bets, f.Low, f.High)
			}
		}
	}
}

func TestAnUnfairGameLeavesItsBand(t *testing.T) {
	t.Parallel()
	for name, chance := range map[string]float64{"pays too much": .55, "pays too little": .45} {
		b := New([]string{"coin"})
		play(b, 10_000, chance, 1)
		if f := b.Sums("coin").Band(); !f.Outside || f.RTP >= f.Low && f.RTP <= f.High {
			t.Errorf("%s: RTP %v is inside of %v to %v", name, f.RTP, f.Low, f.High)
		}
	}
}

// A round of steps that pays 20 times its stake with a chance, else nothing.
func step(b *Book, n int, chance float64, theory Return, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for range n {
		stake, payout := money.Amount(1+r.IntN(1000)), money.Amount(0)
		if r.Float64() < chance {
			payout = 20 * stake
		}
		b.Finished("coin", stake, 2*stake, payout+stake, theory) // doubled, and that comes back
	}
}

func TestAGameOfStepsStaysInItsBand(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		for name, theory := range map[string]Return{"luck": {.98, .98}, "skill": {.9, .99}, "no bounds": {0, .981}} {
			b := New([]string{"coin"})
			for range 20 {
				step(b, 250, .049, theory, seed*100+b.games["coin"].Bets)
				if f := b.Sums("coin").Band(); f.Outside || f.RTP < f.Low || f.RTP > f.High {
					t.Fatalf("%s, seed %d: RTP %v after %d bets is outside of %v to %v", name, seed, f.RTP, b.Sums("coin").Bets, f.Low, f.High)
				}
			}
		}
	}
}

func TestAnUnfairGameOfStepsLeavesItsBand(t *testing.T) {
	t.Parallel()
	for name, chance := range map[string]float64{"pays too much": .06, "pays too little": .03} {
		b := New([]string{"coin"})
		step(b, 20_000, chance, Return{.9, .98}, 1)
		if f := b.Sums("coin").Band(); !f.Outside || f.RTP >= f.Low && f.RTP <= f.High {
			t.Errorf("%s: RTP %v is inside of %v to %v", name, f.RTP, f.Low, f.High)
		}
	}
	b := New([]string{"coin"})
	step(b, 20_000, .03, Return{0, .98}, 1)
	if f := b.Sums("coin").Band(); f.Outside {
		t.Errorf("players who play badly: RTP %v is outside of %v to %v", f.RTP, f.Low, f.High)
	}
}

func TestOneLuckyBetIsNoAlarm(t *testing.T) {
	t.Parallel()
	b := New([]string{"slots"})
	b.Settled("slots", 1000, 99_000_000, []money.Prize{{Pays: 990_000_000, Chance: 1e-5}})
	if f := b.Sums("slots").Band(); f.Outside {
		t.Errorf("a single bet is outside of %v to %v", f.Low, f.High)
	}
}

func TestTheFiguresOfAGame(t *testing.T) {
	t.Parallel()
	b := New([]string{"coin"})
	b.Settled("coin", 100, 198, coin)
	b.Settled("coin", 100, 0, coin)
	b.Settled("coin", 50, 99, coin)
	b.Settled("invented by a caller", 1, 1, coin)
	const want = `
# HELP game_bets_total Rounds settled by this container.
# TYPE game_bets_total counter
game_bets_total{game="coin"} 3
# HELP game_ggr Gross gaming revenue: stakes less payouts since the start, in minor units.
# TYPE game_ggr gauge
game_ggr{game="coin"} -47
# HELP game_rtp Share of the stakes that was paid out; NaN without bets.
# TYPE game_rtp gauge
game_rtp{game="coin"} 1.188
# HELP game_rtp_out_of_band 1 if game_rtp is outside of its band, else 0.
# TYPE game_rtp_out_of_band gauge
game_rtp_out_of_band{game="coin"} 0
# HELP game_rtp_theory Share of these very stakes that the rules promise.
# TYPE game_rtp_theory gauge
game_rtp_theory{game="coin"} 0.99
`
	if err := testutil.CollectAndCompare(b, strings.NewReader(want), "game_bets_total", "game_ggr", "game_rtp", "game_rtp_out_of_band", "game_rtp_theory"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.CollectAndLint(b); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestBooksAreKeptConcurrently(t *testing.T) {
	t.Parallel()
	b := New([]string{"coin"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				b.Settled("coin", 10, 0, coin)
				b.Sums("coin")
			}
		})
	}
	wg.Wait()
	if f := b.Sums("coin"); f.Bets != 4000 || f.Staked != 40_000 {
		t.Errorf("%d bets of %v; want 4000 of 40000", f.Bets, f.Staked)
	}
}

func TestSumsOfContainersAddUp(t *testing.T) {
	t.Parallel()
	whole, one, other := New([]string{"coin", "slots"}), New([]string{"coin"}), New([]string{"coin"})
	play(one, 100, .5, 1)
	play(other, 200, .5, 2)
	play(whole, 100, .5, 1)
	play(whole, 200, .5, 2)
	got, want := one.Sums("coin").Plus(other.Sums("coin")), whole.Sums("coin")
	if got.Bets != want.Bets || !near(got.Staked, want.Staked) || !near(got.Paid, want.Paid) || !near(got.Expected, want.Expected) ||
		!near(got.Variance, want.Variance) || got.Farthest != want.Farthest {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if played := whole.Played(); len(played) != 1 || played["coin"] != want {
		t.Errorf("played = %v, want coin alone", played)
	}
}

func BenchmarkSettled(b *testing.B) {
	book := New([]string{"coin"})
	b.ReportAllocs()
	for b.Loop() {
		book.Settled("coin", 100, 198, coin)
	}
}
