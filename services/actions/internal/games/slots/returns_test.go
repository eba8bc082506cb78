package slots

import (
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/services/actions/internal/odds"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// sums are what a set of stops adds up to.
type sums struct {
	pays   int64 // ten-thousandths of the stake
	paying int64 // stops that pay anything
	free   int64 // free spins
	most   int64 // the most that one of them pays
	lucky  map[int64]int64
}

// all adds up every stop of the five reels.
func all() sums {
	parts := make([]sums, stops)
	var wg sync.WaitGroup
	for first := range parts {
		wg.Go(func() { parts[first] = from(int64(first)) })
	}
	wg.Wait()
	total := sums{lucky: make(map[int64]int64)}
	for _, p := range parts {
		total.pays, total.paying, total.free = total.pays+p.pays, total.paying+p.paying, total.free+p.free
		total.most = max(total.most, p.most)
		for free, pays := range p.lucky {
			total.lucky[free] = max(total.lucky[free], pays)
		}
	}
	return total
}

// from adds up the stops with the first reel where it is. lucky is the most that is
// paid beside a number of free spins.
func from(first int64) sums {
	s := sums{lucky: make(map[int64]int64)}
	spin := Spin{}
	spin.Stops[0] = first
	for code := range int64(stops * stops * stops * stops) {
		for reel, rest := 1, code; reel < reels; reel, rest = reel+1, rest/stops {
			spin.Stops[reel] = rest % stops
		}
		m, free := spin.read()
		pays := int64(m)
		s.pays += pays
		s.free += free
		if pays > 0 {
			s.paying++
			s.most = max(s.most, pays)
		}
		if free > 0 {
			s.lucky[free] = max(s.lucky[free], pays)
		}
	}
	return s
}

// All 5,153,632 stops are played. A free spin has the same reels, pays twice and brings
// no free spins, so a round returns E(pays) x (1 + 2 x E(free spins)). What brings free
// spins pays, so a round hits when its first spin does.
func TestTheSheetSaysWhatAllStopsReturn(t *testing.T) {
	t.Parallel()
	s := all()
	const among = stops * stops * stops * stops * stops
	spin := big.NewRat(s.pays, among*money.MultiplierUnit)
	rtp := new(big.Rat).Mul(big.NewRat(freePays*s.free, among), spin)
	rtp.Add(rtp, spin)
	t.Logf("a spin returns %s, a round %s; %d of %d stops pay", spin.FloatString(6), rtp.FloatString(6), s.paying, among)
	if rtp.Cmp(big.NewRat(940, 1000)) < 0 || rtp.Cmp(big.NewRat(995, 1000)) > 0 {
		t.Errorf("a round returns %s; want 94%% to 99.5%%", rtp.FloatString(6))
	}
	most := s.most
	for free, pays := range s.lucky {
		most = max(most, pays+free*freePays*s.most)
		if pays == 0 {
			t.Errorf("%d free spins come with nothing paid", free)
		}
	}
	want := sheet.Return{Bet: "ten lines", RTP: sheet.Only(rtp.String()), Hit: sheet.Only(big.NewRat(s.paying, among).String())}
	if got := Sheet(); len(got.Returns) != 1 || got.Returns[0] != want || int64(got.Most) != most {
		t.Errorf("the sheet says %+v, most %d; want %+v, %d", got.Returns, int64(got.Most), want, most)
	}
}

// The same return from the chances of the symbols, without the code that reads stops:
// every line has the same return, and stars are one in each window of three.
func TestTheReturnFollowsFromTheStripsAlone(t *testing.T) {
	t.Parallel()
	share := func(reel int, letters string) *big.Rat {
		n := 0
		for _, c := range letters {
			n += strings.Count(strips[reel], string(c))
		}
		return big.NewRat(int64(n), int64(len(strips[reel])))
	}
	one, spin := big.NewRat(1, 1), new(big.Rat)
	for _, s := range symbols {
		run := new(big.Rat).Set(share(0, s.Letter))
		run.Mul(run, share(1, s.Letter+"W")).Mul(run, share(2, s.Letter+"W"))
		fourth, fifth := share(3, s.Letter+"W"), share(4, s.Letter+"W")
		three := new(big.Rat).Mul(run, new(big.Rat).Sub(one, fourth))
		four := new(big.Rat).Mul(new(big.Rat).Mul(run, fourth), new(big.Rat).Sub(one, fifth))
		five := new(big.Rat).Mul(new(big.Rat).Mul(run, fourth), fifth)
		for i, chance := range []*big.Rat{three, four, five} {
			spin.Add(spin, chance.Mul(chance, big.NewRat(s.Pays[i], 1)))
		}
	}
	free, star := new(big.Rat), big.NewRat(rows, stops)
	for _, f := range features {
		chance := new(big.Rat).SetInt(new(big.Int).Binomial(reels, int64(f.Stars)))
		for reel := range reels {
			if reel < f.Stars {
				chance.Mul(chance, star)
			} else {
				chance.Mul(chance, new(big.Rat).Sub(one, star))
			}
		}
		spin.Add(spin, new(big.Rat).Mul(chance, big.NewRat(f.Pays, 1)))
		free.Add(free, chance.Mul(chance, big.NewRat(f.Free, 1)))
	}
	free.Mul(free, big.NewRat(freePays, 1)).Add(free, one).Mul(free, spin)
	if got, want := Sheet().Returns[0].RTP, sheet.Only(free.String()); got != want {
		t.Errorf("the sheet says %s; want %s", got, want)
	}
}

// 20,000 rounds from a fixed seed return what the sheet says, within four standard
// deviations of their own.
func TestManyRoundsReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	var sum, squares float64
	for nonce := range uint64(rounds) {
		draws := fair.NewStream("00", "client", nonce)
		s := Open(Params{}, draws)
		for !s.Over() {
			s, _ = s.Act(Action{SpinOn}, draws)
		}
		pays, _ := odds.Of(s.Pays()).Float64()
		sum, squares = sum+pays, squares+pays*pays
	}
	mean := sum / rounds
	want, _ := new(big.Rat).SetString(rtp)
	figure, _ := want.Float64()
	if variance := (squares/rounds - mean*mean) / rounds; (mean-figure)*(mean-figure) > 16*variance {
		t.Errorf("%.4f of the stakes were returned; want about %.4f", mean, figure)
	}
}
