package tables

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestManyWhoAdvanceAtOnceSettleOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	var guests []play.Player
	for n := range 8 {
		guests = append(guests, h.guest(fmt.Sprint("Player ", n)))
	}
	for round := range 5 {
		h.advance(at)
		for _, p := range guests {
			h.mustBet(p, fmt.Sprint("even", round), at, 100, `{"bet":"even"}`)
			h.mustBet(p, fmt.Sprint("odd", round), at, 100, `{"bet":"odd"}`)
		}
		for range 3 { // locked, settled, the next one
			h.pass(at)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if _, err := h.floor.Advance(t.Context(), table(t, at), 1); err != nil && !is(err, problem.Busy) { // they share eight connections
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	}
	if n := h.count(`SELECT count(*) FROM table_rounds`); n != 6 {
		t.Errorf("%d rounds of the table; want 6", n)
	}
	h.announced(t, at, "1 open", "1 locked", "1 settled", "2 open", "2 locked", "2 settled", "3 open", "3 locked", "3 settled",
		"4 open", "4 locked", "4 settled", "5 open", "5 locked", "5 settled", "6 open")
}

// Bets come while the table is closed: each is refused, or settled with the others.
func TestBetsAtTheVeryEdgeAreInOrOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	var guests []play.Player
	for n := range 6 {
		guests = append(guests, h.guest(fmt.Sprint("Player ", n)))
	}
	var in, out atomic.Int64
	for round := range 6 {
		h.advance(at)
		h.admin(`UPDATE table_rounds SET opened_at = clock_timestamp() - interval '1 s', locks_at = clock_timestamp() + interval '150 ms' WHERE state = 'open'`)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for _, p := range guests {
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					switch _, err := h.bet(p, fmt.Sprint("k", round, "-", n), at, 10, `{"bet":"even"}`); {
					case err == nil:
						in.Add(1)
					case is(err, problem.BetsClosed):
						out.Add(1)
					case !is(err, problem.TooManyBets):
						t.Error(err)
						return
					}
				}
			})
		}
		for deadline := time.Now().Add(time.Minute); ; {
			s, err := h.floor.Advance(t.Context(), table(t, at), 1)
			if err != nil {
				t.Fatal(err)
			}
			if s.State == Locked {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the table does not lock")
			}
		}
		h.settle(at)
		close(stop)
		wg.Wait()
		if n := h.count(`SELECT count(*) FROM rounds WHERE state = 'open'`); n != 0 {
			t.Errorf("%d bets are open after the result", n)
		}
		h.pass(at)
	}
	if in.Load() == 0 || out.Load() == 0 {
		t.Errorf("%d bets were in, %d out; want both", in.Load(), out.Load())
	}
}

func TestAStaleLeaderIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, roulette := t.Context(), table(t, at)
	if s, err := h.floor.Advance(ctx, roulette, 0); err != nil || s.Seq != 0 || s.State != Settled {
		t.Errorf("nobody leads: %+v, %v; want nothing opened", s, err)
	}
	if _, err := h.floor.Advance(ctx, roulette, 7); err != nil {
		t.Fatal(err)
	}
	h.pass(at)
	_, err := h.floor.Advance(ctx, roulette, 6)
	if p, ok := errors.AsType[*problem.Problem](err); !ok || p.Code != problem.StaleFence || p.Members["fence"] != int64(7) {
		t.Errorf("an older lease: %v; want stale_fence of 7", err)
	}
	if s, err := h.floor.Advance(ctx, roulette, 0); err != nil || s.State != Locked {
		t.Errorf("the sweep: %+v, %v; want locked", s, err)
	}
	h.pass(at)
	if s, err := h.floor.Advance(ctx, roulette, 0); err != nil || s.State != Settled {
		t.Errorf("the sweep: %+v, %v; want settled", s, err)
	}
	h.pass(at)
	if s, err := h.floor.Advance(ctx, roulette, 0); err != nil || s.Seq != 1 {
		t.Errorf("the sweep opened a round: %+v, %v", s, err)
	}
}

// More bets than one transaction ends, and one of an account that is frozen.
func TestAFullTableIsSettledInParts(t *testing.T) {
	t.Parallel()
	h := open(t)
	const guests, each = 13, 80
	h.advance(at)
	h.admin(`UPDATE table_rounds SET locks_at = locks_at + interval '1 h'`)
	var wg sync.WaitGroup
	frozen := h.guest("Frozen")
	h.mustBet(frozen, "k", at, 100, `{"bet":"red"}`)
	for n := range guests {
		p := h.guest(fmt.Sprint("Player ", n))
		wg.Go(func() {
			for n := range each {
				if _, err := h.bet(p, key(n), at, 10, `{"bet":"red"}`); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	h.admin(`SELECT ledger_freeze(ARRAY[id], 'test') FROM ledger_accounts WHERE owner = $1`, frozen.ID)
	h.settle(at)
	if n := h.count(`SELECT count(*) FROM rounds WHERE state = 'settled'`); n != guests*each {
		t.Errorf("%d bets are settled; want %d", n, guests*each)
	}
	if n := h.count(`SELECT count(DISTINCT settled_at) FROM rounds WHERE state = 'settled'`); n != 3 {
		t.Errorf("settled in %d transactions; want 3", n)
	}
	if got := h.balance(frozen); got != 99_900 {
		t.Errorf("a frozen account moved to %d", got)
	}
	h.admin(`SELECT ledger_thaw(id) FROM ledger_accounts WHERE owner = $1`, frozen.ID)
	if _, err := h.floor.Advance(t.Context(), table(t, at), 0); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM rounds WHERE state = 'settled' AND player_id = $1`, frozen.ID); n != 1 {
		t.Error("the bet of the account that is no longer frozen was not ended")
	}
}

func TestAVoidRoundPaysNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	opened := h.advance(at)
	bet := h.mustBet(ada, "k", at, 100, `{"bet":"red"}`)
	h.pass(at)
	h.advance(at)
	var done bool
	if err := h.root.QueryRow(t.Context(), `SELECT table_void($1)`, opened.Round).Scan(&done); err != nil || !done {
		t.Fatal(done, err)
	}
	if s := h.advance(at); s.Seq != 1 || s.State != Settled || s.Next == 0 {
		t.Errorf("after a void round: %+v; want a pause", s)
	}
	if r := h.find(ada, bet.Round.ID); r.State != "open" {
		t.Errorf("the bet: %+v; want it open for the sweep", r)
	}
	h.pass(at)
	if s := h.advance(at); s.Seq != 2 || s.State != Open {
		t.Errorf("the next round: %+v", s)
	}
}

// A bet that came in time and is not committed when the time is over is waited for, and
// settled with the others.
func TestTheLockWaitsForBetsUnderWay(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.advance(at)
	for n := 0; !h.lockWaits(ada, key(n)); n++ {
		if n == 10 {
			t.Fatal("no bet was in time")
		}
		h.settle(at)
		h.pass(at)
		h.advance(at)
	}
	h.settle(at)
	if n := h.count(`SELECT count(*) FROM rounds WHERE state = 'settled'`); n != 1 {
		t.Errorf("%d bets are settled; want the one", n)
	}
}

// lockWaits keeps a bet from being stored until the time for bets is over, and a while
// longer, and fails the test when the round is locked before. It reports false when the
// machine was too slow for the bet to be in time.
func (h *house) lockWaits(p play.Player, key string) bool {
	h.t.Helper()
	ctx := h.t.Context()
	tx, err := h.root.Begin(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // no more than the end of the test
	if _, err := tx.Exec(ctx, `LOCK TABLE rounds IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		h.t.Fatal(err)
	}
	h.admin(`UPDATE table_rounds SET opened_at = clock_timestamp() - interval '1 s', locks_at = clock_timestamp() + interval '1 s' WHERE state = 'open'`)
	placed, locked := make(chan error, 1), make(chan Standing, 1)
	go func() { // ends soon after the rollback
		_, err := h.bet(p, key, at, 100, `{"bet":"red"}`)
		placed <- err
	}()
	for waiting := 0; waiting == 0; {
		select {
		case err := <-placed:
			if !is(err, problem.BetsClosed) {
				h.t.Errorf("the bet: %v", err)
			}
			return false
		default:
			waiting = h.count(`SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'rounds'::regclass`)
		}
	}
	go func() { // ends with the lock
		for {
			if s, err := h.floor.Advance(ctx, table(h.t, at), 1); err != nil || s.State == Locked {
				locked <- s
				return
			}
		}
	}()
	select {
	case s := <-locked:
		h.t.Errorf("%+v while a bet is under way", s)
		locked <- s
	case <-time.After(1300 * time.Millisecond): // a bet waits for 2 s at most
	}
	if err := tx.Rollback(ctx); err != nil {
		h.t.Fatal(err)
	}
	if err := <-placed; err != nil {
		h.t.Errorf("the bet: %v", err)
	}
	if s := <-locked; s.State != Locked {
		h.t.Errorf("then %+v; want locked", s)
	}
	return true
}
