package play

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/seeds"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// A connection that breaks once, anywhere, is not noticed by the player: the bet is
// played once, and its answer is not called a replay.
func TestABrokenConnectionIsNotNoticed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		commits bool
		fate    fate
	}{
		{"claim never sent", false, cutBefore},
		{"claim in flight", false, cutDuring},
		{"claim done, answer lost", false, cutAfter},
		{"commit never sent", true, cutBefore},
		{"commit in flight", true, cutDuring},
		{"commit done, answer lost", true, cutAfter},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			ada := h.guest("Ada")
			var armed atomic.Bool
			c, url := newCutter(t, h.pg.URL, func(commits bool) fate {
				if commits == test.commits && armed.CompareAndSwap(true, false) {
					return test.fate
				}
				return pass
			})
			_, desk := h.through(url, "")
			told := &till{}
			desk.Tell(told)
			if _, err := desk.Place(t.Context(), h.bet(ada, "warm", 100, losing)); err != nil {
				t.Fatal(err)
			}
			armed.Store(true)
			a, err := desk.Place(t.Context(), h.bet(ada, "k", 100, losing))
			if err != nil || a.Replayed || c.cuts.Load() != 1 {
				t.Errorf("answer = %+v, %v after %d cuts; want a first answer after one", a, err, c.cuts.Load())
			}
			if n := h.count(`SELECT count(*) FROM rounds`); n != 2 || h.balance(ada) != 99_800 {
				t.Errorf("%d rounds, balance %d; want 2 and 99,800", n, h.balance(ada))
			}
			if rounds, sum := told.rounds.Load(), told.sum.Load(); rounds != 2 || sum != 200 {
				t.Errorf("told of %d rounds that took %d; want 2 and 200", rounds, sum)
			}
			h.sound()
		})
	}
}

// When the server cannot be asked what became of the commit, the player is told to
// try again, and then learns it.
func TestACommitThatCannotBeLookedUpIsLookedUpLater(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	var armed, away atomic.Bool
	_, url := newCutter(t, h.pg.URL, func(commits bool) fate {
		switch {
		case away.Load():
			return cutBefore // nobody gets through any more
		case commits && armed.Load():
			away.Store(true)
			return cutAfter
		}
		return pass
	})
	_, desk := h.through(url, "")
	if _, err := desk.Place(t.Context(), h.bet(ada, "warm", 100, losing)); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	_, err := desk.Place(t.Context(), h.bet(ada, "k", 100, losing))
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != problem.Unavailable || p.RetryAfter == 0 {
		t.Fatalf("error = %v; want unavailable with Retry-After", err)
	}
	a, err := h.place(ada, "k", 100, losing)
	if err != nil || !a.Replayed || balanceIn(t, a) != 99_800 {
		t.Errorf("answer to the next try = %+v, %v; want the committed one", a, err)
	}
	h.sound()
}

// Players whose connections keep breaking try again with the same key until they
// have an answer. 1,000 bets with VEGAS_SOAK, 100 without.
func TestNothingIsPlayedTwiceOverABadLine(t *testing.T) {
	t.Parallel()
	bets, workers := 100, 4
	if os.Getenv("VEGAS_SOAK") != "" {
		bets = 1_000
	}
	h := open(t)
	c, url := newCutter(t, h.pg.URL, func(bool) fate {
		if rand.IntN(3) == 0 {
			return fate(1 + rand.IntN(3))
		}
		return pass
	})
	var tries atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		ada := h.guest(fmt.Sprintf("player %d", w))
		_, desk := h.through(url, "")
		wg.Go(func() {
			for i := range bets / workers {
				for {
					tries.Add(1)
					_, err := desk.Place(t.Context(), h.bet(ada, key(i), 10, losing))
					if err == nil {
						break
					}
					if !is(err, problem.Unavailable) && !is(err, problem.Busy) {
						t.Errorf("bet %d: %v; want an answer or 503", i, err)
						return
					}
				}
			}
			if want := 100_000 - money.Amount(bets/workers*10); h.balance(ada) != want {
				t.Errorf("balance = %d; want %d", h.balance(ada), want)
			}
		})
	}
	wg.Wait()
	if n := h.count(`SELECT count(*) FROM rounds`); n != bets/workers*workers {
		t.Errorf("%d rounds of %d bets", n, bets)
	}
	t.Logf("%d bets, %d tries, %d cuts", bets, tries.Load(), c.cuts.Load())
	h.sound()
}

func TestAKilledBackendIsReplaced(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	for i := range 20 {
		h.mustPlace(ada, key(i), 10, losing)
		h.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user`)
	}
	if got := h.balance(ada); got != 99_800 {
		t.Errorf("balance = %d; want 20 stakes less", got)
	}
	h.sound()
}

// What the server rolls back because of others runs again, a few times.
func TestARollbackBecauseOfOthersIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state string
		times int
		code  problem.Code // none: the bet is played
	}{
		{"40P01", 1, ""}, {"40001", 1, ""}, {"40001", attempts - 1, ""}, {"40P01", attempts, problem.Busy}, {"23514", 1, problem.Internal},
	} {
		t.Run(fmt.Sprintf("%s %d times", test.state, test.times), func(t *testing.T) {
			t.Parallel()
			h := open(t)
			ada, bob := h.guest("Ada"), h.guest("Bob")
			h.admin(fmt.Sprintf(`CREATE SEQUENCE tries; GRANT USAGE ON tries TO public;
				CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					IF nextval('tries') <= %d THEN RAISE SQLSTATE '%s'; END IF;
					RETURN NULL;
				END $$;
				CREATE TRIGGER fail AFTER INSERT ON rounds FOR EACH STATEMENT EXECUTE FUNCTION fail()`, test.times, test.state))
			results, err := h.desk.place(t.Context(), []*Bet{h.bet(ada, "k", 10, losing), h.bet(bob, "k", 10, losing)})
			if test.code == "" {
				if err != nil || results[0].err != nil || results[1].err != nil {
					t.Errorf("results = %+v, %v; want both played", results, err)
				}
			} else if p := problem.From(postgres.Problem(err)); p == nil || p.Code != test.code {
				t.Errorf("error = %v; want %s", err, test.code)
			}
			if n := h.count(`SELECT count(*) FROM rounds`); (n == 2) != (test.code == "") || n == 1 {
				t.Errorf("%d rounds", n)
			}
			h.sound()
		})
	}
}

func TestAnAccountThatStaysLockedIsBusy(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	tx, err := h.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := ledger.Lock(t.Context(), tx, []uuid.UUID{ada.ID}, money.Play); err != nil {
		t.Fatal(err)
	}
	_, err = h.place(ada, "k", 10, losing)
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != problem.Busy || p.RetryAfter == 0 {
		t.Errorf("error = %v; want busy with Retry-After", err)
	}
}

func TestAPoolThatIsUsedUpIsBusyAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	for range h.db.Sizing().Size {
		conn, err := h.db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	start := time.Now()
	if _, err := h.place(ada, "k", 10, losing); !is(err, problem.Busy) {
		t.Errorf("error = %v; want busy", err)
	}
	if took := time.Since(start); took > 2*time.Second { // 100 ms on a machine with nothing else to do
		t.Errorf("the refusal took %s", took)
	}
}

// A caller that hangs up does not stop its bet.
func TestABetOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.desk.Place(ctx, h.bet(ada, "k", 10, losing)); err != nil {
		t.Errorf("error = %v; want the bet played", err)
	}
}

// A rotation and bets at once: whoever is shown a seed has the rounds of all its
// nonces behind it, and none is added later.
func TestRotationWaitsForBets(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 40 {
			if _, err := h.place(ada, key(i), 1, losing); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 10 {
		if _, old, err := seeds.Rotate(t.Context(), h.db, ada.ID, key(i)); err != nil {
			t.Error(err)
		} else if n := h.count(`SELECT count(*) FROM rounds r JOIN seeds s ON s.id = r.seed_id WHERE s.server_seed = $1`, old.ServerSeed); uint64(n) != old.Nonce {
			t.Errorf("%d rounds with a revealed seed whose nonce was %d", n, old.Nonce)
		}
	}
	wg.Wait()
	h.sound()
}
