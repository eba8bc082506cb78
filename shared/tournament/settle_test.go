package tournament

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/money"
)

func TestPrizesAddUpToThePool(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pool   money.Amount
		shares []int32
		ranked int
		want   []money.Amount
	}{
		{1_000, []int32{5000, 3000, 2000}, 5, []money.Amount{500, 300, 200}},
		{101, []int32{5000, 3000, 2000}, 3, []money.Amount{51, 30, 20}},
		{1_000, []int32{5000, 3000, 2000}, 2, []money.Amount{700, 300}},
		{1_000, []int32{5000, 3000, 2000}, 1, []money.Amount{1_000}},
		{3, []int32{5000, 3000, 2000}, 3, []money.Amount{3, 0, 0}},
		{1_000, []int32{10_000}, 9, []money.Amount{1_000}},
		{1_000, []int32{10_000}, 0, nil},
		{1<<63 - 1, []int32{1, 9_999}, 2, []money.Amount{922337203685478, 9222449699651090329}},
	} {
		got, err := Prizes(test.pool, test.shares, test.ranked)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("Prizes(%d, %v, %d): %v (-want +got)\n%s", test.pool, test.shares, test.ranked, err, diff)
		}
	}
	for _, shares := range [][]int32{nil, {9_999}, {10_001}, {0, 10_000}, {-1, 10_001}} {
		if got, err := Prizes(100, shares, 3); err == nil {
			t.Errorf("shares %v: %v; want an error", shares, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		left, shares := int32(whole), []int32(nil)
		for left > 0 && len(shares) < 30 {
			s := rapid.Int32Range(1, left).Draw(t, "share")
			left, shares = left-s, append(shares, s)
		}
		shares[0] += left
		pool := money.Amount(rapid.Int64Range(0, 1<<62).Draw(t, "pool"))
		prizes, err := Prizes(pool, shares, rapid.IntRange(1, 40).Draw(t, "ranked"))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := money.Sum(prizes...)
		if err != nil || sum != pool {
			t.Fatalf("prizes %v of %d add up to %d, %v", prizes, pool, sum, err)
		}
	})
}

// What counts are settled rounds of the right games and stakes, begun after the entry and
// ended in time; the final points are made from them whatever the facts have made.
func TestPointsAreMadeFromTheRounds(t *testing.T) {
	t.Parallel()
	for rule, want := range map[Rule]struct{ live, final string }{
		Wagered:    {"1035 115 0 ", "115 35 0 "},
		Multiplier: {"30000 20000 0 ", "30000 20000 0 "},
	} {
		h := newHall(t)
		cup, ada, bob, cy, stranger := h.create(rule), h.player(1_000), h.player(1_000), h.player(1_000), h.player(1_000)
		h.play(round{player: ada, cost: 50, pays: 5_000, began: -time.Minute, ended: 0}) // before the entry
		for _, p := range []uuid.UUID{ada, bob, cy} {
			h.enter(cup, p)
		}
		const soon = time.Second
		h.play(round{player: ada, cost: 100, pays: 200, began: soon, ended: soon})
		h.play(round{player: ada, game: "plinko", cost: 15, pays: 0, began: soon, ended: 2 * soon})
		h.play(round{player: ada, game: "mines", cost: 100, pays: 900, began: soon, ended: soon})
		h.play(round{player: ada, cost: 9, pays: 900, began: soon, ended: soon})                                    // below the least stake
		h.play(round{player: ada, cost: 100, pays: 900, began: soon, ended: time.Hour + time.Minute})               // too late
		h.play(round{player: ada, cost: 100, pays: 900, state: "open", began: soon, ended: 0})                      // not over
		h.play(round{player: ada, cost: 100, pays: 900, state: "void", began: soon, ended: soon})                   // did not count
		h.play(round{player: bob, cost: 35, pays: 105, began: soon, ended: 3 * soon})                               // 3.0
		h.play(round{player: cy, cost: 100, pays: 900, began: time.Hour + time.Minute, ended: time.Hour + 90*soon}) // too late
		h.play(round{player: stranger, cost: 100, pays: 900, began: soon, ended: soon})
		// A fact that was counted twice, as it cannot be: only the final points know.
		if rule == Wagered {
			h.exec(`UPDATE tournament_entries SET points = points + 1000 WHERE player_id = $1`, bob)
		}
		if got := h.points(cup); got != want.live {
			t.Errorf("%s, live: %q; want %q", rule, got, want.live)
		}
		h.finish(cup)
		if p := h.settle(cup); !p.Fixed || !p.Over || p.Owed != 0 {
			t.Errorf("%s: %+v; want it settled", rule, p)
		}
		if got := h.points(cup); got != want.final {
			t.Errorf("%s, final: %q; want %q", rule, got, want.final)
		}
		first, second := ada, bob
		if rule == Multiplier {
			first, second = bob, ada
		}
		got := []money.Amount{h.balance(first), h.balance(second), h.balance(cy)}
		if diff := cmp.Diff([]money.Amount{900 + 210, 900 + 90, 900}, got); diff != "" { // of 300, the third share with the first
			t.Errorf("%s: balances (-want +got):\n%s", rule, diff)
		}
		h.count(h.play(round{player: cy, cost: 50, pays: 5_000, began: -90 * time.Minute, ended: -80 * time.Minute}))
		if got := h.points(cup); got != want.final {
			t.Errorf("%s, after a late fact: %q; want %q", rule, got, want.final)
		}
		h.sound()
	}
}

func TestOfEqualPointsTheEarlierWins(t *testing.T) {
	t.Parallel()
	for _, rule := range []Rule{Wagered, Multiplier} {
		h := newHall(t)
		cup, ada, bob := h.create(rule), h.player(100), h.player(100)
		h.enter(cup, ada)
		h.enter(cup, bob)
		h.play(round{player: ada, cost: 100, pays: 200, began: time.Second, ended: 9 * time.Second})
		h.play(round{player: bob, cost: 100, pays: 200, began: time.Second, ended: 8 * time.Second})
		place, err := StandingOf(t.Context(), h.pool, cup, bob)
		if err != nil || place == nil || place.Rank != 1 {
			t.Errorf("%s, live: %+v, %v; want Bob first", rule, place, err)
		}
		h.finish(cup)
		h.settle(cup)
		if got := h.balance(bob); got != 140 {
			t.Errorf("%s: Bob holds %d; want 140", rule, got)
		}
		h.sound()
	}
}

func TestNothingIsSettledBeforeItsTime(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, ada := h.create(Wagered), h.player(100)
	h.enter(cup, ada)
	for _, ends := range []string{"1 hour", "-1 minute"} { // running, in its grace
		h.exec(`UPDATE tournaments SET ends_at = now() + $2::text::interval WHERE id = $1`, cup, ends)
		due, err := Due(t.Context(), h.pool)
		if p := h.settle(cup); p != (Progress{}) || len(due) != 0 || err != nil {
			t.Errorf("ends in %s: %+v, due %v, %v; want nothing done", ends, p, due, err)
		}
	}
	if p := h.settle(uuid.New()); p != (Progress{}) {
		t.Errorf("no such tournament: %+v", p)
	}
}

func TestFeesGoBack(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	alone, idle, empty, off := h.create(Wagered), h.create(Wagered), h.create(Wagered), h.create(Wagered)
	ada, bob := h.player(1_000), h.player(1_000)
	h.enter(alone, ada)
	h.enter(idle, ada)
	h.enter(idle, bob)
	h.enter(off, bob)
	h.exec(`UPDATE tournaments SET games = '{mines}' WHERE id = $1`, idle)
	h.play(round{player: ada, cost: 100, pays: 0, began: time.Second, ended: time.Second})
	h.exec(`SELECT tournament_refund($1)`, off)
	if p := h.settle(off); p.Fixed || p.Paid != 1 || !p.Over {
		t.Errorf("called off: %+v; want the refund", p)
	}
	for name, cup := range map[string]uuid.UUID{"too few": alone, "no points": idle, "no entries": empty} {
		h.finish(cup)
		if p := h.settle(cup); !p.Fixed || !p.Over {
			t.Errorf("%s: %+v; want it over", name, p)
		}
		if got, err := Find(t.Context(), h.pool, cup); err != nil || got.State != Cancelled {
			t.Errorf("%s: %s, %v; want it cancelled", name, got.State, err)
		}
	}
	if a, b := h.balance(ada), h.balance(bob); a != 1_000 || b != 1_000 {
		t.Errorf("balances %d and %d; want 1000", a, b)
	}
	if n := h.number(`SELECT count(*) FROM ledger_transfers WHERE kind = 'refund'`); n != 4 {
		t.Errorf("%d refunds; want 4", n)
	}
	h.sound()
}

func TestAFrozenWinnerIsPaidLater(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, ada, bob := h.create(Wagered), h.player(100), h.player(100)
	h.enter(cup, ada)
	h.enter(cup, bob)
	h.play(round{player: ada, cost: 100, pays: 0, began: time.Second, ended: time.Second})
	h.play(round{player: bob, cost: 50, pays: 0, began: time.Second, ended: time.Second})
	h.exec(`SELECT ledger_freeze(ARRAY(SELECT id FROM ledger_accounts WHERE owner = $1), 'test')`, ada)
	h.finish(cup)
	for _, want := range []Progress{{Fixed: true, Paid: 1, Owed: 1}, {Owed: 1}} {
		if p := h.settle(cup); p != want {
			t.Errorf("%+v; want %+v", p, want)
		}
		h.sound()
	}
	h.exec(`SELECT ledger_thaw(id) FROM ledger_accounts WHERE owner = $1`, ada)
	if p := h.settle(cup); p != (Progress{Paid: 1, Over: true}) {
		t.Errorf("after the thaw: %+v", p)
	}
	if a, b := h.balance(ada), h.balance(bob); a != 140 || b != 60 {
		t.Errorf("balances %d and %d; want 140 and 60", a, b)
	}
	h.sound()
}

// A pool that does not hold the fees is not shared.
func TestAWrongPoolIsNotPaidOut(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, ada, bob := h.create(Wagered), h.player(100), h.player(100)
	h.enter(cup, ada)
	h.enter(cup, bob)
	h.play(round{player: ada, cost: 100, pays: 0, began: time.Second, ended: time.Second})
	h.exec(`UPDATE tournament_entries SET fee = 200 WHERE player_id = $1`, ada)
	h.finish(cup)
	if p, err := Settle(t.Context(), h, cup); err == nil {
		t.Errorf("%+v; want an error", p)
	}
	if n := h.number(`SELECT count(*) FROM ledger_transfers WHERE kind IN ('prize', 'refund')`); n != 0 {
		t.Errorf("%d prizes were paid", n)
	}
}

var errKilled = errors.New("killed")

// flaky is a database whose transactions fail at their end, half of them after the commit.
type flaky struct{ *hall }

func (f flaky) InTx(ctx context.Context, fn func(pgx.Tx) error) error {
	switch rand.IntN(4) {
	case 0:
		return pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return errKilled
		})
	case 1:
		if err := f.hall.InTx(ctx, fn); err != nil {
			return err
		}
		return errKilled
	}
	return f.hall.InTx(ctx, fn)
}

// Four sweeps at once, each cut at random moments and begun again: every prize is paid once.
func TestSettlementHappensOnce(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cups := []uuid.UUID{h.create(Wagered), h.create(Multiplier), h.create(Wagered)}
	var players []uuid.UUID
	for i := range 6 {
		players = append(players, h.player(1_000))
		for c, cup := range cups {
			if c < 2 || i == 0 { // the third has too few
				h.enter(cup, players[i])
			}
		}
		h.play(round{player: players[i], cost: int64(10 * (i + 1)), pays: 100, began: time.Second, ended: time.Second})
	}
	for _, cup := range cups {
		h.exec(`UPDATE tournaments SET starts_at = now() - interval '30 min', ends_at = now() + interval '1 min' WHERE id = $1`, cup)
	}
	h.exec(`UPDATE tournaments SET ends_at = now() - interval '10 min', starts_at = starts_at - interval '1 hour'`)
	h.exec(`UPDATE tournament_entries SET entered_at = entered_at - interval '1 hour'`)
	h.exec(`UPDATE rounds SET created_at = created_at - interval '1 hour', settled_at = settled_at - interval '1 hour'`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				due, err := Due(context.Background(), h.pool)
				if err != nil || len(due) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				for _, id := range due {
					if _, err := Settle(context.Background(), flaky{h}, id); err != nil && !errors.Is(err, errKilled) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if n := h.number(`SELECT count(*) FROM ledger_transfers WHERE kind = 'prize'`); n != 6 {
		t.Errorf("%d prizes; want 6", n)
	}
	if n := h.number(`SELECT count(*) FROM ledger_transfers WHERE kind = 'refund'`); n != 1 {
		t.Errorf("%d refunds; want 1", n)
	}
	var all money.Amount
	for _, p := range players {
		all += h.balance(p)
	}
	if all != 6_000 {
		t.Errorf("the players hold %d; want 6000", all)
	}
	if n := h.number(`SELECT count(*) FROM outbox WHERE type = 'balance'`); n != 13+7 {
		t.Errorf("%d balances were told; want 20", n)
	}
	h.sound()
}
