// Package odds is for the tests of games: exact chances, and every course that a
// round can take.
package odds

import (
	"math/big"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/money"
)

// Of is a multiplier as a fraction.
func Of(m money.Multiplier) *big.Rat { return big.NewRat(int64(m), money.MultiplierUnit) }

// Span is the least and the greatest of the fractions added to it.
type Span struct{ least, most *big.Rat }

// Add takes a fraction in.
func (s *Span) Add(r *big.Rat) {
	if s.least == nil || r.Cmp(s.least) < 0 {
		s.least = r
	}
	if s.most == nil || r.Cmp(s.most) > 0 {
		s.most = r
	}
}

// Range is the span as a sheet writes it.
func (s *Span) Range() sheet.Range { return sheet.Range{s.least.String(), s.most.String()} }

// Each plays f with every sequence of draws that it can ask for, and passes it the
// sequence's chance in the same run through the pointer, which is complete when f
// has taken its last draw.
func Each(f func(draws *Course)) {
	for script := []step(nil); ; {
		c := &Course{script: script, chance: big.NewRat(1, 1)}
		f(c)
		script = c.script[:c.at]
		for len(script) > 0 && script[len(script)-1].got+1 == script[len(script)-1].of {
			script = script[:len(script)-1]
		}
		if len(script) == 0 {
			return
		}
		script[len(script)-1].got++
	}
}

// Course is one sequence of draws. It gives them as fair.Draws.
type Course struct {
	script []step
	at     int
	chance *big.Rat
}

type step struct{ got, of uint64 }

// Intn gives the next draw of the course.
func (c *Course) Intn(n uint64) uint64 {
	if c.at == len(c.script) {
		c.script = append(c.script, step{0, n})
	}
	s := c.script[c.at]
	c.at++
	c.chance.Mul(c.chance, new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).SetUint64(n)))
	return s.got
}

// Chance is the probability of the draws that were taken so far.
func (c *Course) Chance() *big.Rat { return c.chance }
