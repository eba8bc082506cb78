package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// Order is a request that changes something: it goes out with a key of its own, again and
// again, until its outcome is known.
type Order struct{ Path, Body string }

// Reply is the outcome of an order: 2xx, or a refusal that another attempt would get too.
type Reply struct {
	Status   int
	Code     string // of a refusal
	Body     []byte
	Replayed bool
}

// OK says that the order was carried out.
func (r Reply) OK() bool { return r.Status == http.StatusOK || r.Status == http.StatusCreated }

// Habit is what one player does. One goroutine calls it.
type Habit interface {
	// Next is the player's next order.
	Next() Order
	// Heard is called with the outcome of each order before the next one. An error is an
	// outcome that should not be.
	Heard(r Reply) error
}

// round is what habits read of an answer.
type round struct {
	ID, State string
	Balance   int64
}

func (r Reply) round() (round, error) {
	var body struct{ Round round }
	if err := json.Unmarshal(r.Body, &body); err != nil || body.Round.ID == "" {
		return round{}, fmt.Errorf("%d %s: no round: %w", r.Status, r.Body, err)
	}
	return body.Round, nil
}

// Dice bets small stakes at 50 to 50.
func Dice() Habit { return dice{} }

type dice struct{}

func (dice) Next() Order {
	return Order{"/v1/bets", fmt.Sprintf(`{"game":"dice","table":"dice-1","stake":%d,"params":{"direction":"under","target":5000}}`, 1+rand.IntN(5))}
}

func (dice) Heard(r Reply) error {
	got, err := r.round()
	if err == nil && (r.Status != http.StatusCreated || got.State != "settled") {
		return fmt.Errorf("dice: %d %s", r.Status, r.Body)
	}
	return err
}

// Mines opens rounds of mines, turns tiles and takes the money, or meets a mine.
func Mines() Habit { return &mines{} }

type mines struct {
	open  string // the round, if there is one
	tiles []int  // in the order in which they are turned
	tries int    // tiles turned so far
}

func (m *mines) Next() Order {
	path := "/v1/rounds/" + m.open + "/actions"
	switch {
	case m.open == "":
		return Order{"/v1/bets", fmt.Sprintf(`{"game":"mines","table":"mines-1","stake":%d,"params":{"mines":3}}`, 1+rand.IntN(20))}
	case m.tries > 0 && rand.IntN(3) == 0:
		return Order{path, `{"action":"cash_out"}`}
	default:
		return Order{path, fmt.Sprintf(`{"action":"reveal","tile":%d}`, m.tiles[m.tries])}
	}
}

func (m *mines) Heard(r Reply) error {
	got, err := r.round()
	switch {
	case err != nil:
		return err
	case m.open == "" && r.Status == http.StatusCreated && got.State == "open":
		m.open, m.tiles, m.tries = got.ID, rand.Perm(25), 0
	case m.open != got.ID || r.Status != http.StatusOK:
		return fmt.Errorf("mines, round %q: %d %s", m.open, r.Status, r.Body)
	case got.State == "settled":
		m.open = ""
	default:
		m.tries++
	}
	return nil
}

// Slots spins for small stakes and takes the free spins. Some rounds put into the jackpot.
func Slots() Habit { return &slots{} }

type slots struct{ open string }

func (s *slots) Next() Order {
	if s.open != "" {
		return Order{"/v1/rounds/" + s.open + "/actions", `{"action":"spin"}`}
	}
	return Order{"/v1/bets", fmt.Sprintf(`{"game":"slots","table":"slots-1","stake":%d,"params":{}}`, 1+rand.IntN(120))}
}

func (s *slots) Heard(r Reply) error {
	if s.open == "" && r.Code == "insufficient_funds" {
		return nil
	}
	return follow(&s.open, r, "slots")
}

// Blackjack plays hands without a plan: what the rules refuse is tried in another way.
func Blackjack() Habit { return &blackjack{} }

type blackjack struct{ open string }

func (b *blackjack) Next() Order {
	if b.open != "" {
		actions := []string{"stand", "stand", "hit", "double", "split", "insure", "decline"}
		return Order{"/v1/rounds/" + b.open + "/actions", fmt.Sprintf(`{"action":%q}`, actions[rand.IntN(len(actions))])}
	}
	return Order{"/v1/bets", fmt.Sprintf(`{"game":"blackjack","table":"blackjack-1","stake":%d,"params":{}}`, 1+rand.IntN(10))}
}

func (b *blackjack) Heard(r Reply) error {
	if b.open != "" && r.Code == "action_refused" || r.Code == "insufficient_funds" {
		return nil
	}
	return follow(&b.open, r, "blackjack")
}

// follow keeps the id of the round that is open.
func follow(open *string, r Reply, game string) error {
	got, err := r.round()
	switch {
	case err != nil:
		return err
	case *open != "" && *open != got.ID || !r.OK():
		return fmt.Errorf("%s, round %q: %d %s", game, *open, r.Status, r.Body)
	case got.State == "settled":
		*open = ""
	default:
		*open = got.ID
	}
	return nil
}
