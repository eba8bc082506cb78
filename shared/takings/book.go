// Package takings adds up what each game takes and pays in this container, next to what
// its rules promise: the gross gaming revenue (GGR), and the return to player (RTP) with
// the band in which chance alone would leave it (band.go). The sums of several containers
// may be added up.
package takings

import (
	"math"
	"sync"

	"github.com/vegascore/vegascore/shared/money"
)

// Book adds up the rounds since the start of the container. It may be used by many
// goroutines; a round costs one short lock.
type Book struct {
	mu    sync.Mutex
	games map[string]*Sums
}

// New returns a book of these games; rounds of others are not counted, so that the
// number of series is known.
func New(games []string) *Book {
	b := &Book{games: make(map[string]*Sums, len(games))}
	for _, g := range games {
		b.games[g] = &Sums{}
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
	s.Bets++
	s.Staked += float64(stake)
	s.Paid += float64(payout)
	s.Expected += expected
	s.Variance += variance
	s.Farthest = max(s.Farthest, farthest)
}

// Return is what the rules of a game of steps give back in the long run for a first stake:
// the least and the most, which differ where it depends on how the player plays.
type Return struct{ Least, Most float64 }

// Finished counts a round of a game of steps, with its first stake and all that it cost. What
// is staked beside the first stake comes back on average (see the games' sheets). Its
// variance depends on what the player does, so that of the payout itself is taken.
func (b *Book) Finished(game string, stake, staked, payout money.Amount, theory Return) {
	beside := float64(staked - stake)
	expected := theory.Most*float64(stake) + beside
	off := float64(payout) - expected
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.games[game]
	if s == nil {
		return
	}
	s.Bets++
	s.Staked += float64(staked)
	s.Paid += float64(payout)
	s.Expected += expected
	s.Skill += (theory.Most - theory.Least) * float64(stake)
	s.Variance += off * off
	s.Farthest = max(s.Farthest, math.Abs(off))
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

// Sums returns those of one of the games of New.
func (b *Book) Sums(game string) Sums {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *b.games[game]
}

// Played returns the sums of the games that had a bet.
func (b *Book) Played() map[string]Sums {
	played := make(map[string]Sums)
	b.mu.Lock()
	defer b.mu.Unlock()
	for game, s := range b.games {
		if s.Bets > 0 {
			played[game] = *s
		}
	}
	return played
}
