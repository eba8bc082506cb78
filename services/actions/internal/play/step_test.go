package play

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// begin opens a round of a game of steps and returns it.
func (h *house) begin(p Player, key, game string, stake money.Amount, params string) answered {
	h.t.Helper()
	b, err := NewBet(p, key, Request{Game: game, Table: game + "-1", Stake: stake, Params: json.RawMessage(params)}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.desk.Place(h.t.Context(), b)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(a)
}

func (h *house) read(a Answer) answered {
	h.t.Helper()
	r, err := roundIn(a.Body)
	if err != nil {
		h.t.Fatalf("answer %s: %v", a.Body, err)
	}
	return r
}

func (h *house) act(p Player, key string, round uuid.UUID, action string) (Answer, error) {
	h.t.Helper()
	s, err := NewStep(p, key, round, json.RawMessage(action), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.desk.Act(h.t.Context(), s)
}

func (h *house) mustAct(p Player, key string, round uuid.UUID, action string) answered {
	h.t.Helper()
	a, err := h.act(p, key, round, action)
	if err != nil {
		h.t.Fatalf("%s: %v", action, err)
	}
	return h.read(a)
}

// held is what lies on the account of open rounds.
func (h *house) held() int {
	return h.count(`SELECT coalesce(sum(CASE WHEN credit = $1 THEN amount ELSE -amount END), 0) FROM ledger_transfers WHERE $1 IN (credit, debit)`, ledger.Held)
}

// laid is where the mines of a round with calmSeed are, and the other tiles in their order.
func laid(nonce uint64, mines int) (safe, mined []int) {
	draws, left := fair.NewStream(calmSeed, "client", nonce), make([]int, 25)
	for i := range left {
		left[i] = i
	}
	for range mines {
		i := int(draws.Intn(uint64(len(left))))
		mined = append(mined, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return left, mined
}

func reveal(tile int) string { return fmt.Sprintf(`{"action":"reveal","tile":%d}`, tile) }

const cashOut = `{"action":"cash_out"}`

func TestARoundOfStepsHoldsItsStakeUntilItEnds(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	r := h.begin(ada, "k", "mines", 1000, `{"mines":3}`)
	if r.State != "open" || r.Outcome != nil && string(r.Outcome) != "null" || r.Payout != 0 || r.Balance != 99_000 || h.held() != 1000 {
		t.Fatalf("opened %+v, held %d", r, h.held())
	}
	h.sound()
	safe, _ := laid(r.Nonce, 3)
	first := h.mustAct(ada, "a1", r.ID, reveal(safe[0]))
	if first.State != "open" || first.Balance != 99_000 || string(first.View) != fmt.Sprintf(`{"mines":3,"revealed":[%d],"multiplier":"1.1250","over":false}`, safe[0]) {
		t.Errorf("after a safe tile: %+v %s", first.Round, first.View)
	}
	found, err := Find(t.Context(), h.db, ada.ID, r.ID)
	if err != nil || string(found.View) != string(first.View) || found.State != "open" || found.ServerSeed != "" {
		t.Errorf("Find = %+v, %v", found, err)
	}
	last := h.mustAct(ada, "a2", r.ID, cashOut)
	if last.State != "settled" || last.Payout != 1125 || last.Balance != 100_125 || last.View != nil || h.held() != 0 {
		t.Errorf("cashed out: %+v, held %d", last, h.held())
	}
	if _, err := h.act(ada, "a3", r.ID, cashOut); !is(err, problem.RoundOver) {
		t.Errorf("cashed out twice: %v", err)
	}
	if h.balance(ada) != 100_125 {
		t.Errorf("balance %d", h.balance(ada))
	}
	h.sound()
}

func TestAMineTakesTheStake(t *testing.T) {
	t.Parallel()
	h := open(t)
	told := &till{}
	h.desk.Tell(told)
	ada := h.guest("Ada")
	r := h.begin(ada, "k", "mines", 1000, `{"mines":5}`)
	if len(told.finished) != 0 {
		t.Errorf("an open round was counted: %v", told.finished)
	}
	_, mined := laid(r.Nonce, 5)
	last := h.mustAct(ada, "a", r.ID, reveal(mined[2]))
	h.mustAct(ada, "a", r.ID, reveal(mined[2]))
	if diff := cmp.Diff([]string{"mines 1000 of 1000 pays 0 by 0.99"}, told.finished); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if last.State != "settled" || last.Payout != 0 || last.Balance != 99_000 || h.held() != 0 {
		t.Errorf("hit: %+v, held %d", last, h.held())
	}
	h.sound()
}

func TestAnActionIsRepeatedUnderItsKey(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	r := h.begin(ada, "k", "mines", 1000, `{"mines":3}`)
	other := h.begin(bob, "k", "mines", 1000, `{"mines":3}`)
	safe, _ := laid(r.Nonce, 3)
	var first Answer
	var wg sync.WaitGroup
	answers := make([]Answer, 20)
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = h.act(ada, "a1", r.ID, reveal(safe[0])); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		if !a.Replayed {
			first = a
		}
		if string(a.Body) != string(answers[0].Body) {
			t.Errorf("answers differ: %s and %s", a.Body, answers[0].Body)
		}
	}
	if first.Body == nil || h.count(`SELECT count(*) FROM round_steps`) != 1 {
		t.Errorf("%d steps; want 1, made once", h.count(`SELECT count(*) FROM round_steps`))
	}
	again := fmt.Sprintf(` { "tile" : %d , "action" : "reveal" } `, safe[0])
	if a, err := h.act(ada, "a1", r.ID, again); err != nil || !a.Replayed {
		t.Errorf("the same in other words: %v, %v", a.Replayed, err)
	}
	for name, refused := range map[string]error{
		"another action under the key": second(h.act(ada, "a1", r.ID, reveal(safe[1]))),
		"another round under the key":  second(h.act(ada, "a1", newID(), reveal(safe[0]))),
	} {
		if !is(refused, problem.KeyReused) {
			t.Errorf("%s: %v", name, refused)
		}
	}
	// Keys belong to their players.
	mine, _ := laid(other.Nonce, 3)
	if r := h.mustAct(bob, "a1", other.ID, reveal(mine[0])); r.State != "open" {
		t.Errorf("Bob's: %+v", r)
	}
	for name, refused := range map[string]error{
		"another player's round": second(h.act(bob, "b", r.ID, cashOut)),
		"no round":               second(h.act(bob, "b", newID(), cashOut)),
	} {
		if !is(refused, problem.NotFound) {
			t.Errorf("%s: %v", name, refused)
		}
	}
	h.sound()
}

func second(_ Answer, err error) error { return err }

func TestActionsThatTheRulesRefuseChangeNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	r := h.begin(ada, "k", "mines", 1000, `{"mines":3}`)
	settledAtOnce := h.read(h.mustPlace(ada, "dice", 10, losing))
	for _, tt := range []struct {
		name   string
		round  uuid.UUID
		action string
		want   problem.Code
	}{
		{"a step is skipped", r.ID, cashOut, problem.ActionRefused},
		{"no such action", r.ID, `{"action":"fold"}`, problem.ActionInvalid},
		{"no such tile", r.ID, reveal(25), problem.ActionInvalid},
		{"a price from the client", r.ID, `{"action":"cash_out","payout":1000000}`, problem.UnknownField},
		{"no action", r.ID, `{}`, problem.MissingField},
		{"not an object", r.ID, `[]`, problem.WrongType},
		{"a game without actions", settledAtOnce.ID, cashOut, problem.ActionInvalid},
	} {
		if _, err := h.act(ada, "a", tt.round, tt.action); !is(err, tt.want) {
			t.Errorf("%s: %v; want %s", tt.name, err, tt.want)
		}
	}
	b, err := NewBet(ada, "k2", Request{Game: "mines", Table: "mines-2", Stake: 1, Params: json.RawMessage(`{"mines":1}`)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Place(t.Context(), b); !is(err, problem.RoundOpen) {
		t.Errorf("a second round: %v; want round_open", err)
	}
	if n := h.count(`SELECT count(*) FROM round_steps`); n != 0 || h.held() != 1000 {
		t.Errorf("%d steps, held %d", n, h.held())
	}
	h.sound()
}

func TestADoubledHandCostsItsStakeAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	for n := 0; ; n++ { // a nonce where the first two cards can be doubled
		if n == 100 {
			t.Fatal("no such hand")
		}
		r := h.begin(ada, key(n), "blackjack", 300, `{}`)
		if r.State == "settled" {
			continue
		}
		before := r.Balance
		a, err := h.act(ada, fmt.Sprint("d", n), r.ID, `{"action":"double"}`)
		if is(err, problem.ActionRefused) { // insurance first
			h.mustAct(ada, fmt.Sprint("n", n), r.ID, `{"action":"decline"}`)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got := h.read(a)
		if got.State != "settled" || got.Staked != 600 || got.Stake != 300 || got.Balance != before-300+got.Payout {
			t.Errorf("doubled: %+v from %d", got, before)
		}
		break
	}
	h.sound()
	// Without the money for it the hand goes on as it was.
	bob := h.guest("Bob")
	for n := 0; n < 100; n++ {
		r := h.begin(bob, key(n), "blackjack", h.balance(bob)-5, `{}`)
		if r.State == "settled" {
			if h.balance(bob) < 100 {
				bob = h.guest("Bob again")
			}
			continue
		}
		_, err := h.act(bob, fmt.Sprint("d", n), r.ID, `{"action":"double"}`)
		if is(err, problem.ActionRefused) {
			h.mustAct(bob, fmt.Sprint("n", n), r.ID, `{"action":"decline"}`)
			_, err = h.act(bob, fmt.Sprint("e", n), r.ID, `{"action":"double"}`)
		}
		if is(err, problem.RoundOver) {
			continue
		}
		if !is(err, problem.InsufficientFunds) || h.balance(bob) != 5 {
			t.Errorf("doubled without money: %v, balance %d", err, h.balance(bob))
		}
		break
	}
	h.sound()
}
