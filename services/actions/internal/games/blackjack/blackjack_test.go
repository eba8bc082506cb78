package blackjack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// The first two cards are the player's, the next two the dealer's.
func TestCardsMatchThePublishedVector(t *testing.T) {
	t.Parallel()
	draws := fair.NewStream("28ca8b5734401f5236ccb305e4526d07", "b42fa130a68dfe8133fa268d5fb34cbe", 0)
	s := Open(Params{}, draws)
	s, err := s.Act(Action{Stand}, draws)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.Hands[0].Cards, s.Dealer), "[4h Qh] [4c 2c Qs 5h]"; got != want {
		t.Errorf("hands = %s; want %s", got, want)
	}
	var rest []Card
	for range 2 {
		rest = append(rest, draw(draws))
	}
	if got, want := fmt.Sprint(rest), "[9h 10h]"; got != want {
		t.Errorf("next cards = %s; want %s", got, want)
	}
}

// stack draws the cards of a text such as "4h Qh".
type stack struct {
	t     *testing.T
	cards []string
}

func (s *stack) Intn(n uint64) uint64 {
	if len(s.cards) == 0 || n != deck {
		s.t.Fatalf("a draw from %d with %d cards left", n, len(s.cards))
	}
	for c := range Card(deck) {
		if c.String() == s.cards[0] {
			s.cards = s.cards[1:]
			return uint64(c)
		}
	}
	s.t.Fatalf("there is no card %s", s.cards[0])
	return 0
}

func TestRounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cards, actions string
		staked, pays   money.Multiplier
		dealer         int // number of cards
	}{
		"a win":                           {"10d 9d 10h 8h", "stand", 10_000, 20_000, 2},
		"a push":                          {"10d 8d 10h 8h", "stand", 10_000, 10_000, 2},
		"a loss":                          {"10d 7d 10h 8h", "stand", 10_000, 0, 2},
		"bust: the dealer draws nothing":  {"10d 6d 10h 2h Kd", "hit", 10_000, 0, 2},
		"21 stands by itself":             {"10d 6d 10h 2h 5d 6h", "hit", 10_000, 20_000, 3},
		"the dealer busts":                {"10d 2d 10h 6h Kc", "stand", 10_000, 20_000, 3},
		"the dealer stands on soft 17":    {"10d 8d 6h Ah", "stand", 10_000, 20_000, 2},
		"the dealer draws to soft 16":     {"10d 8d 5h Ah 5c", "stand", 10_000, 0, 3},
		"blackjack":                       {"Ad Kd 10h 9h", "", 10_000, 25_000, 2},
		"blackjack against another":       {"Ad Kd 10h Ah", "", 10_000, 10_000, 2},
		"the dealer looks under a ten":    {"10d 9d Kh Ah", "", 10_000, 0, 2},
		"insured and the dealer has it":   {"10d 9d Ah Kh", "insure", 15_000, 15_000, 2},
		"insured and he has not":          {"10d 9d Ah 7h", "insure stand", 15_000, 20_000, 2},
		"declined and he has it":          {"10d 9d Ah Kh", "decline", 10_000, 0, 2},
		"declined, blackjack":             {"Ad Kd Ah 7h", "decline", 10_000, 25_000, 2},
		"insured blackjack, and he too":   {"Ad Kd Ah 10h", "insure", 15_000, 25_000, 2},
		"insured blackjack, and he not":   {"Ad Kd Ah 9h", "insure", 15_000, 25_000, 2},
		"double won":                      {"5d 6d 10h 7h 9d", "double", 20_000, 40_000, 2},
		"double lost":                     {"5d 6d 10h 7h 2d", "double", 20_000, 0, 2},
		"double pushed":                   {"5d 6d 10h 7h 6h", "double", 20_000, 20_000, 2},
		"split, one wins and one loses":   {"8d 8h 10h 8c 10d 9d", "split stand stand", 20_000, 10_000, 2},
		"split tens of two ranks":         {"Kd 10h 10h 7c 9d 8d", "split stand stand", 20_000, 40_000, 2},
		"split, 21 is no blackjack":       {"Kd Kh 10h 7c Ad Ac", "split", 20_000, 40_000, 2},
		"split aces get one card each":    {"Ad Ah 10h 7c 2d 9c", "split", 20_000, 20_000, 2},
		"both hands doubled":              {"8d 8h 10h 8c 3d 3h Kd Kh", "split double double", 40_000, 80_000, 2},
		"one hand busts, the dealer goes": {"8d 8h 10h 4c 10d 10c Kd 3d", "split hit stand", 20_000, 20_000, 3},
		"both bust: the dealer does not":  {"8d 8h 10h 4c 10d 10c Kd Kh", "split hit hit", 20_000, 0, 2},
		"insured split":                   {"8d 8h Ah 8c 10d 10c", "insure split stand stand", 25_000, 0, 2},
	} {
		draws := &stack{t, strings.Fields(test.cards)}
		s := Open(Params{}, draws)
		for _, action := range strings.Fields(test.actions) {
			before := fmt.Sprintf("%+v", s)
			next, err := s.Act(Action{action}, draws)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, action, err)
			}
			if fmt.Sprintf("%+v", s) != before {
				t.Errorf("%s: %s changed the state before it", name, action)
			}
			s = next
		}
		if !s.Over() || s.Staked() != test.staked || s.Pays() != test.pays || len(s.Dealer) != test.dealer {
			t.Errorf("%s: over = %t, staked %s, pays %s, dealer %v; want %s, %s", name, s.Over(), s.Staked(), s.Pays(), s.Dealer, test.staked, test.pays)
		}
		if len(draws.cards) > 0 {
			t.Errorf("%s: %v were not drawn", name, draws.cards)
		}
	}
}

func TestWhatARoundOffers(t *testing.T) {
	t.Parallel()
	all := []string{Insure, Decline, Hit, Stand, Double, Split}
	for name, test := range map[string]struct {
		cards, actions string
		want           []string
	}{
		"two cards":            {"10d 9d 10h 8h", "", []string{Hit, Stand, Double}},
		"a pair":               {"9c 9d 10h 8h", "", []string{Hit, Stand, Double, Split}},
		"tens of two ranks":    {"Jc Qd 10h 8h", "", []string{Hit, Stand, Double, Split}},
		"an ace of the dealer": {"9c 9d Ah 8h", "", []string{Insure, Decline}},
		"after the answer":     {"9c 9d Ah 8h", "decline", []string{Hit, Stand, Double, Split}},
		"three cards":          {"2c 3d 10h 8h 2d", "hit", []string{Hit, Stand}},
		"after a split":        {"8c 8d 10h 8h 8s 3d", "split", []string{Hit, Stand, Double}},
		"the second hand":      {"8c 8d 10h 8h 8s 3d", "split stand", []string{Hit, Stand, Double}},
	} {
		draws := &stack{t, strings.Fields(test.cards)}
		s := Open(Params{}, draws)
		for _, action := range strings.Fields(test.actions) {
			next, err := s.Act(Action{action}, draws)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, action, err)
			}
			s = next
		}
		view, ok := s.View().(View)
		if diff := cmp.Diff(test.want, view.Actions); diff != "" || !ok {
			t.Errorf("%s: actions (-want +got):\n%s", name, diff)
		}
		if len(view.Dealer) != 1 {
			t.Errorf("%s: the player sees %v of the dealer", name, view.Dealer)
		}
		for _, action := range all {
			if slices.Contains(test.want, action) {
				continue
			}
			if _, err := s.Act(Action{action}, draws); err == nil {
				t.Errorf("%s: %s is taken", name, action)
			}
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"", "Hit", "surrender", "hit "} {
		if (Action{action}).Check() == nil {
			t.Errorf("%q is accepted", action)
		}
	}
}
