package dice

import (
	"testing"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// fixed draws the same number for ever.
type fixed uint64

func (f fixed) Intn(uint64) uint64 { return uint64(f) }

func TestPlay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		direction    string
		target, roll int64
		win          bool
		multiplier   money.Multiplier
	}{
		{Under, 5_000, 4_999, true, 19_801},
		{Under, 5_000, 5_000, false, 19_801},
		{Under, 5_000, 7_718, false, 19_801},
		{Over, 5_000, 5_000, false, 19_801},
		{Over, 5_000, 5_001, true, 19_801},
		{Under, 1, 0, true, 99_009_900},
		{Under, 9_900, 9_899, true, 10_001},
		{Over, 100, 101, true, 10_001},
		{Over, 9_999, 10_000, true, 99_009_900},
		{Over, 9_999, 9_999, false, 99_009_900},
	} {
		got, pays := Play(Params{test.direction, test.target}, fixed(test.roll))
		if want := (Outcome{test.roll, test.win, test.multiplier}); got != want {
			t.Errorf("%s %d = %+v; want %+v", test.direction, test.target, got, want)
		}
		if (pays == test.multiplier) != test.win || (pays == 0) == test.win {
			t.Errorf("%s %d with %d pays %s", test.direction, test.target, test.roll, pays)
		}
	}
}

// Every bet that is accepted can win, pays more than its stake when it does, and
// returns at most 99% and, but for the rounding to four decimals, not less.
func TestEveryAcceptedBetIsWithinTheRules(t *testing.T) {
	t.Parallel()
	accepted := 0
	for _, direction := range []string{Under, Over} {
		for target := int64(-1); target <= 10_002; target++ {
			p := Params{direction, target}
			if p.Check() != nil {
				continue
			}
			accepted++
			wins := p.wins()
			if target%499 == 0 || wins == 1 || wins == mostWins { // counting all takes half a minute
				wins = count(p)
			}
			m := int64(p.Multiplier())
			if wins == 0 || m <= money.MultiplierUnit {
				t.Fatalf("%+v wins with %d results and pays %d", p, wins, m)
			}
			if prize := p.Prizes()[0]; len(p.Prizes()) != 1 || int64(prize.Pays) != m || prize.Chance != float64(wins)/results {
				t.Fatalf("%+v wins with %d results and pays %d; its prizes are %v", p, wins, m, p.Prizes())
			}
			if whole := int64(returned * results); m*wins > whole || (m+1)*wins <= whole {
				t.Fatalf("%+v pays %d for %d results of %d: want floor(0.99 / p)", p, m, wins, results)
			}
		}
	}
	if want := 2 * mostWins; accepted != want {
		t.Errorf("%d bets are accepted; want %d", accepted, want)
	}
}

// count plays the bet against every result.
func count(p Params) (wins int64) {
	for roll := range int64(results) {
		if o, _ := Play(p, fixed(roll)); o.Win {
			wins++
		}
	}
	return wins
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, p := range []Params{
		{Under, 0}, {Under, -1}, {Under, 9_901}, {Over, 99}, {Over, 10_000}, {Over, 1 << 62}, {"", 5_000}, {"Under", 5_000}, {"sideways", 5_000},
	} {
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

func TestRollsMatchThePublishedVectors(t *testing.T) {
	t.Parallel()
	for nonce, want := range []int64{2_807, 2_902, 586, 5_486, 966} {
		stream := fair.NewStream("f2ac89b608eeb01312d115bce6741b32", "86ff027f15c48241af7f54a726690ee7", uint64(nonce))
		if got, _ := Play(Params{Under, 5_000}, stream); got.Roll != want {
			t.Errorf("nonce %d rolls %d; want %d", nonce, got.Roll, want)
		}
	}
}

// Half of 10,000 rounds from a fixed seed win, and they return 99% of the stakes,
// both within four standard deviations.
func TestManyRoundsReturnWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	const rounds = 10_000
	var paid int64
	for nonce := range uint64(rounds) {
		_, pays := Play(Params{Under, 5_000}, fair.NewStream("00", "client", nonce))
		paid += int64(pays)
	}
	if got := float64(paid) / rounds / money.MultiplierUnit; got < 0.95 || got > 1.03 {
		t.Errorf("%.4f of the stakes were returned; want about 0.99", got)
	}
}
