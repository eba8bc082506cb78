// Package blackjack is the rules of blackjack, one player against the dealer, with an
// infinite deck. The dealer stands on every 17 and looks for a blackjack before the
// player acts. A blackjack pays 3:2, insurance 2:1; any two cards can be doubled, also
// after a split; two cards of one value can be split once, split aces get one card
// each.
package blackjack

import (
	"errors"
	"slices"

	"github.com/vegascore/vegascore/shared/fair"
)

// Name and Rules identify the game; Rules changes with anything that could change a
// round's result or payout.
const (
	Name  = "blackjack"
	Rules = "blackjack/1"
)

// dealerStands is the total from which on the dealer draws no more.
const dealerStands = 17

// The actions. Insure and Decline answer the offer of insurance, which is made when the
// dealer shows an ace.
const (
	Insure  = "insure"
	Decline = "decline"
	Hit     = "hit"
	Stand   = "stand"
	Double  = "double"
	Split   = "split"
)

// Params is the player's bet. There is nothing to choose.
type Params struct{}

// Check finds nothing wrong.
func (Params) Check() error { return nil }

// Action is what the player does with the active hand.
type Action struct {
	Action string `json:"action"`
}

// Check says what is wrong with the action, in words for the player.
func (a Action) Check() error {
	if !slices.Contains([]string{Insure, Decline, Hit, Stand, Double, Split}, a.Action) {
		return errors.New(`the action must be "insure", "decline", "hit", "stand", "double" or "split"`)
	}
	return nil
}

// State is a round. Offered, Insured: whether insurance waits for an answer, and
// whether it was taken. Active is the number of the hand that acts; when it is the
// number of hands, the round is over.
type State struct {
	Hands   []Hand `json:"hands"`
	Dealer  []Card `json:"dealer"`
	Offered bool   `json:"offered"`
	Insured bool   `json:"insured"`
	Active  int    `json:"active"`
}

// Hand is one hand of the player. Done hands take no more cards.
type Hand struct {
	Cards   []Card `json:"cards"`
	Doubled bool   `json:"doubled"`
	Done    bool   `json:"done"`
}

// Open deals two cards to the player, then two to the dealer, of which the first lies
// open.
func Open(_ Params, draws fair.Draws) State {
	player := []Card{draw(draws), draw(draws)}
	s := State{Hands: []Hand{{Cards: player}}, Dealer: []Card{draw(draws), draw(draws)}}
	if s.Dealer[0].rank() == ace {
		s.Offered = true
		return s
	}
	return s.look()
}

// look ends the round when the dealer or the player has a blackjack.
func (s State) look() State {
	if natural(s.Dealer) || natural(s.Hands[0].Cards) {
		s.Active = len(s.Hands)
	}
	return s
}

// Act takes an action that passed Check, for the active hand. A double and a hit draw a
// card, a split draws one for each hand; when the last hand is done the dealer draws.
func (s State) Act(a Action, draws fair.Draws) (State, error) {
	if err := s.refuse(a.Action); err != nil {
		return State{}, err
	}
	s.Hands = slices.Clone(s.Hands)
	h := &s.Hands[s.Active]
	switch a.Action {
	case Insure, Decline:
		s.Offered, s.Insured = false, a.Action == Insure
		return s.look(), nil
	case Stand:
		h.Done = true
	case Hit:
		*h = h.with(draw(draws))
	case Double:
		*h = h.with(draw(draws))
		h.Doubled, h.Done = true, true
	case Split:
		first, second := h.Cards[0], h.Cards[1]
		s.Hands = []Hand{Hand{Cards: []Card{first}}.with(draw(draws)), Hand{Cards: []Card{second}}.with(draw(draws))}
		for i := range s.Hands {
			s.Hands[i].Done = s.Hands[i].Done || first.rank() == ace
		}
	}
	for s.Active < len(s.Hands) && s.Hands[s.Active].Done {
		s.Active++
	}
	if s.Over() {
		s.Dealer = s.dealerDraws(draws)
	}
	return s, nil
}

// Idle plays on for a player who stays away: without insurance, and with the cards that
// are there.
func (s State) Idle() (Action, bool) {
	if s.Offered {
		return Action{Action: Decline}, true
	}
	return Action{Action: Stand}, true
}

// refuse says why the action is not possible now, in words for the player.
func (s State) refuse(action string) error {
	h := s.Hands[s.Active]
	answers := action == Insure || action == Decline
	switch {
	case s.Offered && !answers:
		return errors.New("answer the offer of insurance first")
	case !s.Offered && answers:
		return errors.New("no insurance is offered")
	case action == Double && len(h.Cards) != 2:
		return errors.New("only two cards can be doubled")
	case action == Split && len(s.Hands) != 1:
		return errors.New("a hand can be split once")
	case action == Split && (len(h.Cards) != 2 || h.Cards[0].value() != h.Cards[1].value()):
		return errors.New("only two cards of one value can be split")
	}
	return nil
}

// with adds a card; 21 and more is done.
func (h Hand) with(c Card) Hand {
	h.Cards = append(slices.Clone(h.Cards), c)
	sum, _ := total(h.Cards)
	h.Done = sum >= best
	return h
}

// dealerDraws returns the dealer's cards at the end: none are added when every hand of
// the player is bust.
func (s State) dealerDraws(draws fair.Draws) []Card {
	cards := slices.Clone(s.Dealer)
	if !slices.ContainsFunc(s.Hands, func(h Hand) bool { return !h.bust() }) {
		return cards
	}
	for {
		if sum, _ := total(cards); sum >= dealerStands {
			return cards
		}
		cards = append(cards, draw(draws))
	}
}

func (h Hand) bust() bool {
	sum, _ := total(h.Cards)
	return sum > best
}

// Over reports whether the round has ended.
func (s State) Over() bool { return s.Active == len(s.Hands) }
