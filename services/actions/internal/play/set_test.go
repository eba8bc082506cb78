package play

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/takings"
)

// till hears of rounds.
type till struct {
	rounds, sum atomic.Int64

	mu       sync.Mutex
	finished []string
}

func (l *till) Settled(game string, stake, payout money.Amount, prizes []money.Prize) {
	if game == "dice" && len(prizes) == 1 {
		l.rounds.Add(1)
		l.sum.Add(int64(stake - payout))
	}
}

func (l *till) Finished(game string, stake, staked, payout money.Amount, theory takings.Return) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = append(l.finished, fmt.Sprintf("%s %d of %d pays %d by %.2f", game, stake, staked, payout, theory.Most))
}

func TestASetOfBetsGoesTogether(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob, cleo, dan := h.guest("Ada"), h.guest("Bob"), h.guest("Cleo"), h.guest("Dan")
	h.mustPlace(cleo, "old", 100, losing)
	told := &till{}
	h.desk.Tell(told)
	bets := []*Bet{
		h.bet(ada, "k", 100, losing), h.bet(bob, "k", 100_001, losing), h.bet(cleo, "old", 100, losing),
		h.bet(dan, "k", 300, winning), h.bet(Player{ID: newID()}, "k", 1, losing),
	}
	results, err := h.desk.place(t.Context(), bets)
	if err != nil {
		t.Fatal(err)
	}
	if a := results[0]; a.err != nil || balanceIn(t, a.answer) != 99_900 {
		t.Errorf("Ada: %s, %v; want a loss of 100", a.answer.Body, a.err)
	}
	if b := results[1]; !is(b.err, problem.InsufficientFunds) {
		t.Errorf("Bob: %v; want insufficient_funds", b.err)
	}
	if c := results[2]; c.err != nil || !c.answer.Replayed {
		t.Errorf("Cleo: %+v; want a replay", c)
	}
	if d := results[3]; d.err != nil || balanceIn(t, d.answer) != 100_000 {
		t.Errorf("Dan: %s, %v; want 300 for 300", d.answer.Body, d.err)
	}
	if e := results[4]; !is(e.err, problem.TokenInvalid) {
		t.Errorf("stranger: %v; want token_invalid", e.err)
	}
	if rounds, sum := told.rounds.Load(), told.sum.Load(); rounds != 2 || sum != 100 {
		t.Errorf("told of %d rounds that took %d; want the two new ones and 100", rounds, sum)
	}
	if n := h.count(`SELECT count(*) FROM rounds`); n != 3 {
		t.Errorf("%d rounds; want 3", n)
	}
	h.sound()
}

// Both containers have desks of their own: only the database holds them off.
func TestParallelBetsSpendExactlyTheBalance(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	_, other := h.through(h.pg.URL, "")
	const bets, affordable = 91, 10
	var won, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range bets {
		desk := []*Desk{h.desk, other}[i%2]
		wg.Go(func() {
			switch _, err := desk.Place(t.Context(), h.bet(ada, key(i), 100_000/affordable, losing)); {
			case err == nil:
				won.Add(1)
			case is(err, problem.InsufficientFunds):
				refused.Add(1)
			default:
				t.Errorf("bet %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != affordable || refused.Load() != bets-affordable {
		t.Errorf("%d bets were taken and %d refused; want %d and %d", won.Load(), refused.Load(), affordable, bets-affordable)
	}
	if got := h.balance(ada); got != 0 {
		t.Errorf("balance = %d; want 0", got)
	}
	h.sound()
}

func TestOneKeyAHundredTimesAtOnceHasOneEffect(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	_, other := h.through(h.pg.URL, "")
	var mu sync.Mutex
	bodies, first := make(map[string]int), 0
	var wg sync.WaitGroup
	for i := range 100 {
		desk := []*Desk{h.desk, other}[i%2]
		wg.Go(func() {
			a, err := desk.Place(t.Context(), h.bet(ada, "k", 100, losing))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			bodies[string(a.Body)]++
			if !a.Replayed {
				first++
			}
		})
	}
	wg.Wait()
	if len(bodies) != 1 || first != 1 {
		t.Errorf("%d different answers, %d of them first ones; want one of each", len(bodies), first)
	}
	if n := h.count(`SELECT count(*) FROM rounds`); n != 1 || h.balance(ada) != 99_900 {
		t.Errorf("%d rounds, balance %d; want 1 and 99,900", n, h.balance(ada))
	}
	h.sound()
}

// Any mixture of players, keys, stakes and bets, from two containers at once, gives
// what some order of it would.
func TestConcurrentPlayIsSound(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, other := h.through(h.pg.URL, "")
	rapid.Check(t, func(rt *rapid.T) {
		guests := make([]Player, rapid.IntRange(1, 4).Draw(rt, "players"))
		for i := range guests {
			guests[i] = h.guest(fmt.Sprintf("guest %d", i))
		}
		type order struct {
			who   Player
			key   string
			stake money.Amount
			bet   string
		}
		orders := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) order {
			return order{
				rapid.SampledFrom(guests).Draw(rt, "who"),
				key(rapid.IntRange(0, 12).Draw(rt, "key")),
				money.Amount(rapid.SampledFrom([]int64{1, 999, 40_000, 100_000}).Draw(rt, "stake")),
				rapid.SampledFrom([]string{losing, winning, `{"direction":"over","target":5000}`}).Draw(rt, "bet"),
			}
		}), 1, 24).Draw(rt, "orders")
		var wg sync.WaitGroup
		var mu sync.Mutex
		played := make(map[string]bool)
		for i, o := range orders {
			desk := []*Desk{h.desk, other}[i%2]
			wg.Go(func() {
				_, err := desk.Place(t.Context(), h.bet(o.who, o.key, o.stake, o.bet))
				if err != nil && !is(err, problem.InsufficientFunds) && !is(err, problem.KeyReused) {
					t.Errorf("order %d: %v", i, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					played[o.who.ID.String()+o.key] = true
				}
			})
		}
		wg.Wait()
		rounds := 0
		for _, g := range guests {
			rounds += h.count(`SELECT count(*) FROM rounds WHERE player_id = $1`, g.ID)
		}
		if rounds != len(played) {
			rt.Fatalf("%d rounds for %d keys that were answered", rounds, len(played))
		}
	})
	h.sound()
}
