package blackjack

import "github.com/vegascore/vegascore/shared/fair"

// Card is one of 52: 4 x rank + suit, ranks 2 to ace, suits diamonds, hearts, spades,
// clubs. The deck is infinite: every draw is from all 52.
type Card int64

const (
	deck = 52
	ace  = 12 // rank
	best = 21 // the highest total that is not bust
)

var (
	ranks = [13]string{"2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K", "A"}
	suits = [4]string{"d", "h", "s", "c"}
)

// String returns rank and suit, such as "10h".
func (c Card) String() string { return ranks[c.rank()] + suits[c%4] }

// MarshalText returns String.
func (c Card) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c Card) rank() Card { return c / 4 }

// value is what the card counts, an ace 1.
func (c Card) value() int64 {
	switch r := c.rank(); {
	case r == ace:
		return 1
	case r > 8: // jack, queen, king
		return 10
	default:
		return int64(r) + 2
	}
}

func draw(draws fair.Draws) Card { return Card(draws.Intn(deck)) }

// total is the best total of the cards, over 21 when they are bust, and whether an ace
// counts 11 in it.
func total(cards []Card) (sum int64, soft bool) {
	for _, c := range cards {
		sum += c.value()
		soft = soft || c.rank() == ace
	}
	if soft && sum+10 <= best {
		return sum + 10, true
	}
	return sum, false
}

// natural reports whether two cards are an ace and a ten.
func natural(cards []Card) bool {
	sum, _ := total(cards)
	return len(cards) == 2 && sum == best
}
