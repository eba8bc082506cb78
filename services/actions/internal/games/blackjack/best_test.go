package blackjack

import (
	"math/big"

	"github.com/vegascore/vegascore/services/actions/internal/odds"
)

// The best play by dynamic programming: cards are their values, 1 to 10, with the
// chances 1/13 and, for ten, 4/13; a hand is its hard total and whether it holds an
// ace. All figures are exact.

// counted is a hand: its total with aces as 1, and whether there is one.
type counted struct {
	hard int64
	ace  bool
}

func (c counted) with(value int64) counted { return counted{c.hard + value, c.ace || value == 1} }

func (c counted) total() int64 {
	if c.ace && c.hard+10 <= best {
		return c.hard + 10
	}
	return c.hard
}

func (c counted) bust() bool { return c.hard > best }

// chanceOf is the chance of a card's value.
func chanceOf(value int64) *big.Rat {
	if value == 10 {
		return big.NewRat(4, 13)
	}
	return big.NewRat(1, 13)
}

// ends are the chances of final totals; 0 stands for bust.
type ends map[int64]*big.Rat

func (e ends) add(scale *big.Rat, from ends) {
	for end, p := range from {
		if e[end] == nil {
			e[end] = new(big.Rat)
		}
		e[end].Add(e[end], new(big.Rat).Mul(scale, p))
	}
}

func sure(c counted) ends {
	if c.bust() {
		return ends{0: big.NewRat(1, 1)}
	}
	return ends{c.total(): big.NewRat(1, 1)}
}

// dealerEnds is how the dealer's hand ends.
func dealerEnds(c counted, known map[counted]ends) ends {
	if c.total() >= dealerStands {
		return sure(c)
	}
	if e, ok := known[c]; ok {
		return e
	}
	e := ends{}
	for v := int64(1); v <= 10; v++ {
		e.add(chanceOf(v), dealerEnds(c.with(v), known))
	}
	known[c] = e
	return e
}

// behind is how a dealer ends who shows a card and has no blackjack, and the chance
// that he has none.
func behind(up int64) (ends, *big.Rat) {
	e, none, known := ends{}, new(big.Rat), make(map[counted]ends)
	for v := int64(1); v <= 10; v++ {
		if up*v == 10 && up+v == 11 { // an ace and a ten
			continue
		}
		none.Add(none, chanceOf(v))
		e.add(chanceOf(v), dealerEnds(counted{}.with(up).with(v), known))
	}
	scaled := ends{}
	scaled.add(new(big.Rat).Inv(none), e)
	return scaled, none
}

// plan is the best way on from a hand against one card of the dealer: the action, what
// it wins in first stakes, and how the hand ends.
type plan struct {
	action string
	wins   *big.Rat
	ends   ends
}

// table is the best play against one card of the dealer.
type table struct {
	dealer ends
	hits   map[counted]plan    // hands that may stand or hit
	pairs  map[counted]plan    // two cards
	opened map[[2]int64]string // what to do first
}

// standing is what a hand wins as it is.
func (t table) standing(c counted) plan {
	wins := new(big.Rat)
	for end, p := range t.dealer {
		switch {
		case c.bust() || end > c.total():
			wins.Sub(wins, p)
		case end < c.total():
			wins.Add(wins, p)
		}
	}
	return plan{Stand, wins, sure(c)}
}

// drawing is the play that takes a card and goes on as next says.
func drawing(action string, c counted, next func(counted) plan) plan {
	p := plan{action, new(big.Rat), ends{}}
	for v := int64(1); v <= 10; v++ {
		then := next(c.with(v))
		p.wins.Add(p.wins, new(big.Rat).Mul(chanceOf(v), then.wins))
		p.ends.add(chanceOf(v), then.ends)
	}
	return p
}

// later is the best play of a hand that may stand or hit.
func (t table) later(c counted) plan {
	if c.total() >= best {
		return t.standing(c)
	}
	if p, ok := t.hits[c]; ok {
		return p
	}
	p := better(t.standing(c), drawing(Hit, c, t.later))
	t.hits[c] = p
	return p
}

// two is the best play of two cards that are not to be split.
func (t table) two(c counted) plan {
	if c.total() == best {
		return t.standing(c)
	}
	if p, ok := t.pairs[c]; ok {
		return p
	}
	double := drawing(Double, c, t.standing)
	double.wins.Add(double.wins, double.wins)
	t.pairs[c] = better(t.later(c), double)
	return t.pairs[c]
}

// half is one of the two hands of a split.
func (t table) half(value int64) plan {
	next := t.two
	if value == 1 {
		next = t.standing
	}
	return drawing(Split, counted{}.with(value), next)
}

// first is the best play of the first two cards when nobody has a blackjack, with the
// chance that it pays something.
func (t table) first(a, b int64) (plan, *big.Rat) {
	p := t.two(counted{}.with(a).with(b))
	t.opened[[2]int64{a, b}] = p.action
	hit := new(big.Rat).Sub(big.NewRat(1, 1), t.loses(p.ends, 1))
	if a != b {
		return p, hit
	}
	half := t.half(a)
	both := plan{Split, new(big.Rat).Add(half.wins, half.wins), half.ends}
	if better(p, both).action != Split {
		return p, hit
	}
	t.opened[[2]int64{a, b}] = Split
	return both, new(big.Rat).Sub(big.NewRat(1, 1), t.loses(half.ends, 2))
}

// loses is the chance that so many hands which end alike all lose: they share the
// dealer's hand and nothing else.
func (t table) loses(hand ends, hands int) *big.Rat {
	sum := new(big.Rat)
	for dealers, p := range t.dealer {
		lost := new(big.Rat)
		for end, q := range hand {
			if end == 0 || end < dealers {
				lost.Add(lost, q)
			}
		}
		all := new(big.Rat).Set(p)
		for range hands {
			all.Mul(all, lost)
		}
		sum.Add(sum, all)
	}
	return sum
}

func better(a, b plan) plan {
	if b.wins.Cmp(a.wins) > 0 {
		return b
	}
	return a
}

// player knows the best play against every card of the dealer.
type player map[int64]table

func newPlayer() player {
	p := player{}
	for up := int64(1); up <= 10; up++ {
		e, _ := behind(up)
		p[up] = table{e, make(map[counted]plan), make(map[counted]plan), make(map[[2]int64]string)}
	}
	return p
}

// figures are what the best play wins in first stakes, and the chance that a round pays
// something. Insurance is one bet more, taken when it wins on average.
func (p player) figures() (wins, hit *big.Rat) {
	wins, hit = new(big.Rat), new(big.Rat)
	one := big.NewRat(1, 1)
	for up := int64(1); up <= 10; up++ {
		_, none := behind(up)
		if up == 1 {
			side := new(big.Rat).Mul(odds.Of(insured), new(big.Rat).Sub(one, none))
			if side.Sub(side, odds.Of(insurance)); side.Sign() > 0 {
				wins.Add(wins, side.Mul(side, chanceOf(up)))
			}
		}
		for a := int64(1); a <= 10; a++ {
			for b := int64(1); b <= 10; b++ {
				dealt := new(big.Rat).Mul(chanceOf(up), new(big.Rat).Mul(chanceOf(a), chanceOf(b)))
				w, h := new(big.Rat), new(big.Rat)
				if a*b == 10 && a+b == 11 {
					w.Mul(none, new(big.Rat).Sub(odds.Of(threeToTwo), one)) // a push against another
					h.Set(one)
				} else {
					best, pays := p[up].first(a, b)
					w.Sub(new(big.Rat).Mul(none, best.wins), new(big.Rat).Sub(one, none))
					h.Mul(none, pays)
				}
				wins.Add(wins, w.Mul(w, dealt))
				hit.Add(hit, h.Mul(h, dealt))
			}
		}
	}
	return wins, hit
}
