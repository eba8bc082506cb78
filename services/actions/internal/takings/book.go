// Package takings adds up what each game takes and pays in this container, next to what
// its rules promise: the gross gaming revenue (GGR), and the return to player (RTP) with
// the band in which chance alone would leave it.
//
// The band is Bernstein's inequality for sums of bounded terms, which holds for a
// martingale too (Freedman 1975): with T the expected payout of all bets, V the sum of
// their variances, and M the farthest that one payout may be from its expectation,
//
//	P(|paid - T| >= t) <= 2 exp(-t^2 / 2(V + Mt/3))
//
// so it needs no number of bets to be true, and players may choose a stake by what
// happened before. It is wide while few bets were made, or while one large bet makes up
// most of the money.
package takings

import (
	"math"
	"sync"

	"github.com/vegascore/vegascore/shared/money"
)

// doubt is the chance that a fair game is outside of its band at one look. Looks are
// many, so it is small.
const doubt = 1e-6

// Book adds up the rounds since the start of the container. It may be used by many
// goroutines; a round costs one short lock.
type Book struct {
	mu    sync.Mutex
	games map[string]*sums
}

// sums are those of one game, in minor units.
type sums struct {
	bets         uint64
	staked, paid float64
	expected     float64 // payout by theory
	variance     float64 // of the payout by theory, minor units squared
	farthest     float64 // that one payout may be from its expectation
}

// New returns a book of these games; rounds of others are not counted, so that the
// number of series is known.
func New(games []string) *Book {
	b := &Book{games: make(map[string]*sums, len(games))}
	for _, g := range games {
		b.games[g] = &sums{}
	}
	return b
}

// Settled counts a round. prizes are what its bet could win.
func (b *Book) Settled(game string, stake, payout money.Amount, prizes []money.Prize) {
	expected, variance, farthest := theory(stake, prizes)
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.games[game]
	if s == nil {
		return
	}
	s.bets++
	s.staked += float64(stake)
	s.paid += float64(payout)
	s.expected += expected
	s.variance += variance
	s.farthest = max(s.farthest, farthest)
}

// theory is the expectation and the variance of a bet's payout as it would be paid,
// rounded down to whole units, and the farthest that it may be from its expectation.
func theory(stake money.Amount, prizes []money.Prize) (expected, variance, farthest float64) {
	var squares, most float64
	for _, p := range prizes {
		pays, err := stake.Times(p.Pays)
		if err != nil {
			continue // too large to be paid, so it never was
		}
		expected += p.Chance * float64(pays)
		squares += p.Chance * float64(pays) * float64(pays)
		most = max(most, float64(pays))
	}
	return expected, max(0, squares-expected*expected), max(most-expected, expected)
}

// figures are what is shown of a game. Shares are NaN before the first bet.
type figures struct {
	sums
	rtp, theory, low, high float64 // shares of the stakes
	outside                bool
}

func (b *Book) figures(game string) figures {
	b.mu.Lock()
	s := *b.games[game]
	b.mu.Unlock()
	l := math.Log(2 / doubt)
	a := s.farthest * l / 3
	t := a + math.Sqrt(a*a+2*s.variance*l)
	return figures{
		sums: s,
		rtp:  s.paid / s.staked, theory: s.expected / s.staked,
		low: max(0, s.expected-t) / s.staked, high: (s.expected + t) / s.staked,
		outside: math.Abs(s.paid-s.expected) > t,
	}
}
