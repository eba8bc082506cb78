package tournament

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestAnEntryTakesTheFeeOnce(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, other, ada := h.create(Wagered), h.create(Wagered), h.player(1_000)
	first, err := Enter(t.Context(), h, Request{Tournament: cup, Player: ada, Key: "k"})
	if err != nil || first.Replayed {
		t.Fatalf("first: %s, %v", first.Body, err)
	}
	again, err := Enter(t.Context(), h, Request{Tournament: cup, Player: ada, Key: "k"})
	if err != nil || !again.Replayed || string(again.Body) != string(first.Body) {
		t.Errorf("the same key: %s, %v; want %s again", again.Body, err, first.Body)
	}
	for key, test := range map[string]struct {
		tournament uuid.UUID
		want       problem.Code
	}{
		"k": {other, problem.KeyReused},
		"l": {cup, problem.AlreadyEntered},
		"m": {uuid.New(), problem.NotFound},
	} {
		if _, err := Enter(t.Context(), h, Request{Tournament: test.tournament, Player: ada, Key: key}); !errors.Is(err, problem.Of(test.want, "")) {
			t.Errorf("key %s: %v; want %s", key, err, test.want)
		}
	}
	if got := h.balance(ada); got != 900 {
		t.Errorf("balance = %d; want 900", got)
	}
	if n := h.number(`SELECT count(*) FROM outbox WHERE key = 'player:' || $1::uuid AND type = 'balance' AND body->0->>'balance' = '900'`, ada); n != 1 {
		t.Errorf("the balance was told %d times; want once", n)
	}
	got, err := Find(t.Context(), h.pool, cup)
	if err != nil || got.Entries != 1 || got.Pool != 100 || got.State != Running || got.SettlesAt.Sub(got.EndsAt) != 2*time.Minute {
		t.Errorf("tournament = %+v, %v", got, err)
	}
	h.sound()
}

func TestWhoMayNotEnter(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	rich, poor, cold, resting := h.player(1_000), h.player(99), h.player(1_000), h.player(1_000)
	h.exec(`SELECT ledger_freeze(ARRAY(SELECT id FROM ledger_accounts WHERE owner = $1), 'test')`, cold)
	early, late, off, running := h.create(Wagered), h.create(Wagered), h.create(Wagered), h.create(Wagered)
	h.exec(`UPDATE tournaments SET opens_at = now() + interval '1 min', starts_at = now() + interval '2 min' WHERE id = $1`, early)
	h.exec(`UPDATE tournaments SET ends_at = now() - interval '1 s' WHERE id = $1`, late)
	h.exec(`SELECT tournament_refund($1)`, off)
	h.exec(`SELECT protection_timeout($1, 24)`, resting)
	excluded := func(string) error { return problem.Of(problem.Excluded, "") }
	for name, test := range map[string]struct {
		tournament, player uuid.UUID
		want               problem.Code
	}{
		"in a time-out":   {running, resting, problem.Excluded},
		"too early":       {early, rich, problem.TournamentClosed},
		"too late":        {late, rich, problem.TournamentClosed},
		"called off":      {off, rich, problem.TournamentClosed},
		"without funds":   {running, poor, problem.InsufficientFunds},
		"frozen":          {running, cold, problem.AccountFrozen},
		"without account": {running, uuid.New(), problem.TokenInvalid},
	} {
		if a, err := Enter(t.Context(), h, Request{Tournament: test.tournament, Player: test.player, Key: "k", Refuse: excluded}); !errors.Is(err, problem.Of(test.want, "")) {
			t.Errorf("%s: %s, %v; want %s", name, a.Body, err, test.want)
		}
	}
	const maxima = `[{"limit":"stake","window":"24h","amount":99}]` // of the house
	if _, err := Enter(t.Context(), h, Request{Tournament: running, Player: rich, Key: "k", Maxima: maxima, Refuse: excluded}); !errors.Is(err, problem.Of(problem.Excluded, "")) {
		t.Errorf("beyond the house's limit: %v", err)
	}
	if n := h.number(`SELECT count(*) FROM ledger_transfers WHERE kind <> 'grant'`) + h.number(`SELECT count(*) FROM tournament_entries`); n != 0 {
		t.Errorf("%d transfers and entries were made", n)
	}
	h.sound()
}

// A player's requests at the same moment, under one key and under many, make one entry; the
// entries of other tournaments at the same time spend no more than there is.
func TestParallelEntries(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, ada := h.create(Wagered), h.player(350)
	var wg sync.WaitGroup
	var made, replayed atomic.Int64
	try := func(tournament uuid.UUID, key string) {
		wg.Go(func() {
			a, err := Enter(context.Background(), h, Request{Tournament: tournament, Player: ada, Key: key})
			switch {
			case err == nil && a.Replayed:
				replayed.Add(1)
			case err == nil:
				made.Add(1)
			case !errors.Is(err, problem.Of(problem.AlreadyEntered, "")) && !errors.Is(err, problem.Of(problem.InsufficientFunds, "")):
				t.Error(err)
			}
		})
	}
	for i := range 20 {
		try(cup, "same")
		try(cup, fmt.Sprint("other-", i))
	}
	wg.Wait()
	if made.Load() != 1 || h.balance(ada) != 250 {
		t.Errorf("%d entries, %d replays, balance %d; want one entry", made.Load(), replayed.Load(), h.balance(ada))
	}
	for i := range 5 {
		try(h.create(Wagered), fmt.Sprint("cup-", i))
	}
	wg.Wait()
	if made.Load() != 3 || h.balance(ada) != 50 {
		t.Errorf("%d entries, balance %d; want the three that can be paid", made.Load(), h.balance(ada))
	}
	h.sound()
}

func TestTheStateFollowsTheClock(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup := h.create(Multiplier)
	for _, test := range []struct {
		opens, starts, ends string
		want                State
	}{
		{"1 hour", "2 hours", "3 hours", Announced}, {"-1 hour", "1 hour", "3 hours", Open},
		{"-2 hours", "-1 hour", "1 hour", Running}, {"-3 hours", "-2 hours", "-1 s", Ended},
	} {
		h.exec(`UPDATE tournaments SET opens_at = now() + $2::text::interval, starts_at = now() + $3::text::interval, ends_at = now() + $4::text::interval WHERE id = $1`,
			cup, test.opens, test.starts, test.ends)
		if got, err := Find(t.Context(), h.pool, cup); err != nil || got.State != test.want {
			t.Errorf("state = %s, %v; want %s", got.State, err, test.want)
		}
	}
	all, err := List(t.Context(), h.pool)
	if err != nil || len(all) != 1 || all[0].ID != cup || len(all[0].Games) != 2 || all[0].Rule != Multiplier {
		t.Errorf("list = %+v, %v", all, err)
	}
	h.exec(`UPDATE tournaments SET opens_at = now() - interval '9 days', starts_at = now() - interval '9 days', ends_at = now() - interval '8 days'`)
	if all, err := List(t.Context(), h.pool); err != nil || all == nil || len(all) != 0 {
		t.Errorf("list = %#v, %v; want empty", all, err)
	}
}

// A tournament that is called off while somebody enters refunds that entry too.
func TestCallingOffWaitsForEntriesUnderWay(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cup, ada := h.create(Wagered), h.player(100)
	tx, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := (Request{Tournament: cup, Player: ada, Key: "k"}).enter(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	off := make(chan int64, 1)
	go func() { // ends with the refund
		var n int64
		if err := h.pool.QueryRow(context.Background(), `SELECT tournament_refund($1)`, cup).Scan(&n); err != nil {
			t.Error(err)
		}
		off <- n
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	const waits = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for deadline := time.Now().Add(20 * time.Second); h.number(waits) == 0 && len(off) == 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the refund neither waits nor ends")
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := <-off; n != 1 {
		t.Errorf("%d entries are refunded; want the one under way", n)
	}
	if p := h.settle(cup); !p.Over || h.balance(ada) != 100 {
		t.Errorf("%+v, balance %d; want the fee back", p, h.balance(ada))
	}
	h.sound()
}
