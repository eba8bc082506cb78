package blackjack

import (
	"math/big"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/games/sheet"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// The best play loses 0.570388% of the first stakes, which is the published figure for
// these rules, and the sheet prints it exactly.
func TestTheSheetSaysWhatTheBestPlayReturns(t *testing.T) {
	t.Parallel()
	wins, hit := newPlayer().figures()
	percent := new(big.Rat).Mul(wins, big.NewRat(100, 1))
	t.Logf("best play wins %s%%, exactly %s; %s of the rounds pay", percent.FloatString(12), wins, hit.FloatString(6))
	if got, want := percent.FloatString(6), "-0.570388"; got != want {
		t.Errorf("the best play wins %s%%; want %s%%", got, want)
	}
	want := sheet.Return{Bet: "best play", RTP: sheet.Only(new(big.Rat).Add(wins, big.NewRat(1, 1)).String()), Hit: sheet.Only(hit.String())}
	if got := Sheet().Returns; len(got) != 1 || got[0] != want {
		t.Errorf("the sheet says %+v; want %+v", got, want)
	}
}

// cards gives the cards of a script as draws, and after its end twos.
type cards struct {
	script []Card
	at     int
}

func (c *cards) Intn(uint64) uint64 {
	if c.at == len(c.script) {
		c.script = append(c.script, 0)
	}
	c.at++
	return uint64(c.script[c.at-1])
}

// eachOfRanks plays f with every sequence of ranks that it draws, all of diamonds: the
// suits decide nothing.
func eachOfRanks(f func(draws fair.Draws)) {
	for script := []Card(nil); ; {
		c := &cards{script: script}
		f(c)
		script = c.script[:c.at]
		for len(script) > 0 && script[len(script)-1] == 4*ace {
			script = script[:len(script)-1]
		}
		if len(script) == 0 {
			return
		}
		script[len(script)-1] += 4
	}
}

// The dealer of the rules, played through every sequence of ranks, ends as the dealer
// of the proof does.
func TestTheDealerEndsAsInTheProof(t *testing.T) {
	t.Parallel()
	for rank := Card(0); rank <= ace; rank++ {
		up := 4 * rank
		courses := make(map[int64]map[int]int64) // by end and number of cards drawn
		for hole := Card(0); hole <= 4*ace; hole += 4 {
			if natural([]Card{up, hole}) {
				continue
			}
			eachOfRanks(func(draws fair.Draws) {
				s := State{Hands: []Hand{{Cards: []Card{32, 20}}}, Dealer: []Card{up, hole}}
				s, err := s.Act(Action{Stand}, draws)
				if err != nil {
					t.Fatal(err)
				}
				end, _ := total(s.Dealer)
				if end > best {
					end = 0
				}
				if courses[end] == nil {
					courses[end] = make(map[int]int64)
				}
				courses[end][len(s.Dealer)-2]++
			})
		}
		got := ends{}
		for end, byCards := range courses {
			for n, count := range byCards {
				among := new(big.Int).Exp(big.NewInt(13), big.NewInt(int64(n+1)), nil) // and the hole card
				got.add(new(big.Rat).SetFrac(big.NewInt(count), among), ends{end: big.NewRat(1, 1)})
			}
		}
		want, none := behind(up.value())
		scaled := ends{}
		scaled.add(none, want)
		for end, p := range scaled {
			if got[end] == nil || got[end].Cmp(p) != 0 {
				t.Errorf("the dealer with %s ends with %d with chance %s; want %s", up, end, got[end], p)
			}
		}
		if len(got) != len(scaled) {
			t.Errorf("the dealer with %s has %d ends; want %d", up, len(got), len(scaled))
		}
	}
}

// act is the best action in a round.
func (p player) act(s State) Action {
	if s.Offered {
		return Action{Decline}
	}
	t, h := p[s.Dealer[0].value()], s.Hands[s.Active]
	var c counted
	for _, card := range h.Cards {
		c = c.with(card.value())
	}
	switch {
	case len(h.Cards) == 2 && len(s.Hands) == 1:
		return Action{t.opened[[2]int64{h.Cards[0].value(), h.Cards[1].value()}]}
	case len(h.Cards) == 2:
		return Action{t.pairs[c].action}
	default:
		return Action{t.later(c).action}
	}
}

// 20,000 rounds of the best play from a fixed seed win what the sheet says, within four
// standard deviations (1.15 stakes a round), and no round is stuck.
func TestManyRoundsOfTheBestPlayReturnWhatTheSheetSays(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	best := newPlayer()
	_, hit := best.figures()
	var won money.Multiplier
	paid := 0
	for nonce := range uint64(rounds) {
		draws := fair.NewStream("00", "client", nonce)
		s := Open(Params{}, draws)
		for !s.Over() {
			var err error
			if s, err = s.Act(best.act(s), draws); err != nil {
				t.Fatalf("nonce %d: %v in %+v", nonce, err, s)
			}
		}
		won += s.Pays() - s.Staked()
		if s.Pays() > 0 {
			paid++
		}
	}
	if got := float64(won) / rounds / money.MultiplierUnit; got < -0.0385 || got > 0.027 {
		t.Errorf("a round wins %.4f stakes; want about -0.0057", got)
	}
	want, _ := hit.Float64()
	if got := float64(paid) / rounds; got < want-0.0142 || got > want+0.0142 {
		t.Errorf("%.4f of the rounds pay; want about %.4f", got, want)
	}
}
