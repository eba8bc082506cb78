package leaderboard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// player is the id of the n-th player; ids grow with n.
func player(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-7000-9000-%012d", n))
}

func settled(n int, name string, stake, payout money.Amount, at time.Time) event.RoundSettled {
	return event.RoundSettled{
		Round: uuid.New(), Player: player(n), Name: name, Game: "dice", Table: "dice-1", Rules: "dice-1",
		Asset: money.Play, Stake: stake, Payout: payout, SettledAt: at,
	}
}

func apply(ctx context.Context, pool *pgxpool.Pool, events ...event.RoundSettled) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, e := range events {
			if _, err := Apply(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func top(t testing.TB, pool *pgxpool.Pool, day time.Time, asset money.Asset, limit int) []Entry {
	t.Helper()
	entries, err := Top(t.Context(), pool, Board{Period: Daily, By: Net, At: day, Asset: asset}, limit)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// plain are the entries without their best rounds.
func plain(entries []Entry) []Entry {
	for i := range entries {
		entries[i].Best = nil
	}
	return entries
}

func TestTopOrdersByNetWin(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	err := apply(t.Context(), pool,
		settled(3, "Cy", 100, 0, noon),
		settled(2, "Bo", 500, 700, noon),
		settled(2, "Bo", 100, 50, noon),
		settled(1, "Al", 10, 160, noon),
		settled(4, "Di", 100, 250, noon))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Rank: 1, Player: Player{player(1), "Al"}, Rounds: 1, Staked: 10, Paid: 160, Net: 150},
		{Rank: 2, Player: Player{player(2), "Bo"}, Rounds: 2, Staked: 600, Paid: 750, Net: 150},
		{Rank: 3, Player: Player{player(4), "Di"}, Rounds: 1, Staked: 100, Paid: 250, Net: 150},
		{Rank: 4, Player: Player{player(3), "Cy"}, Rounds: 1, Staked: 100, Paid: 0, Net: -100},
	}
	if diff := cmp.Diff(want, plain(top(t, pool, noon, money.Play, 10))); diff != "" {
		t.Errorf("Top (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], plain(top(t, pool, noon, money.Play, 2))); diff != "" {
		t.Errorf("Top with limit 2 (-want +got):\n%s", diff)
	}
	if got := top(t, pool, noon, money.Play, 0); len(got) != 1 {
		t.Errorf("Top with limit 0 = %d entries; want 1", len(got))
	}
}

func TestADayEndsAtMidnightUTC(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	tokyo := time.FixedZone("UTC+9", 9*60*60)
	midnight := time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
	err := apply(t.Context(), pool,
		settled(1, "Al", 1, 2, midnight.Add(-time.Microsecond).In(tokyo)), // the 15th in Tokyo
		settled(1, "Al", 1, 4, midnight))
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[time.Time]money.Amount{noon: 1, midnight: 3} {
		if got := top(t, pool, day, money.Play, 5); len(got) != 1 || got[0].Net != want {
			t.Errorf("board of %s = %+v; want one entry with net %d", day.Format(time.DateOnly), got, want)
		}
	}
	if got := top(t, pool, noon.AddDate(0, 0, -1), money.Play, 5); got == nil || len(got) != 0 {
		t.Errorf("board of a day without rounds = %#v; want empty, not nil", got)
	}
}

func TestAssetsHaveBoardsOfTheirOwn(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	other := settled(1, "Al", 1, 1000, noon)
	other.Asset = "GEM"
	if err := apply(t.Context(), pool, settled(1, "Al", 5, 0, noon), other); err != nil {
		t.Fatal(err)
	}
	if got := top(t, pool, noon, money.Play, 5); len(got) != 1 || got[0].Net != -5 {
		t.Errorf("board of play money = %+v; want one entry with net -5", got)
	}
}

// Facts come in any order: the board must not depend on it.
func TestOrderOfApplicationDoesNotMatter(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	day := 0
	rapid.Check(t, func(r *rapid.T) {
		day += 2 // boards of their own for this run: one in order, one shuffled
		events := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) event.RoundSettled {
			return settled(rapid.IntRange(1, 3).Draw(r, "player"), rapid.SampledFrom([]string{"Al", "Bo", "Cy"}).Draw(r, "name"),
				money.Amount(rapid.Int64Range(1, 1e12).Draw(r, "stake")), money.Amount(rapid.Int64Range(0, 1e12).Draw(r, "payout")),
				noon.AddDate(0, 0, day).Add(time.Duration(rapid.IntRange(0, 4).Draw(r, "second"))*time.Second))
		}), 1, 8).Draw(r, "events")
		if err := apply(t.Context(), pool, events...); err != nil {
			r.Fatal(err)
		}
		order := rapid.Permutation(events).Draw(r, "order")
		for i := range order {
			order[i].Round, order[i].SettledAt = uuid.New(), order[i].SettledAt.AddDate(0, 0, 1)
		}
		if err := apply(t.Context(), pool, order...); err != nil {
			r.Fatal(err)
		}
		inOrder, shuffled := top(t, pool, noon.AddDate(0, 0, day), money.Play, 5), top(t, pool, noon.AddDate(0, 0, day+1), money.Play, 5)
		if diff := cmp.Diff(plain(inOrder), plain(shuffled)); diff != "" {
			r.Fatalf("the boards differ (-in order +shuffled):\n%s", diff)
		}
	})
}

func TestParallelRoundsOfAPlayerAllCount(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	const workers, rounds = 8, 25
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range rounds {
				if err := apply(t.Context(), pool, settled(1+rand.IntN(2), fmt.Sprint("worker ", w), 3, 5, noon)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var total int64
	for _, e := range top(t, pool, noon, money.Play, 5) {
		total += e.Rounds
		if e.Net != money.Amount(2*e.Rounds) {
			t.Errorf("net of %d rounds = %d; want %d", e.Rounds, e.Net, 2*e.Rounds)
		}
	}
	if total != workers*rounds {
		t.Errorf("rounds on the board = %d; want %d", total, workers*rounds)
	}
}

func TestARollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	stop := errors.New("stop")
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := Apply(t.Context(), tx, settled(1, "Al", 1, 2, noon)); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if got := top(t, pool, noon, money.Play, 5); len(got) != 0 {
		t.Errorf("board after a rollback = %+v; want empty", got)
	}
}

// What cannot be true is refused by the schema, not stored.
func TestImpossibleAmountsAreRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	for name, e := range map[string]event.RoundSettled{
		"stake below zero":  settled(1, "Al", -1, 0, noon),
		"payout below zero": settled(1, "Al", 1, -1, noon),
	} {
		err := apply(t.Context(), pool, e)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "23514" {
			t.Errorf("%s: error = %v; want a check violation", name, err)
		}
	}
	if err := apply(t.Context(), pool, settled(2, "Bo", 1, 1<<62, noon), settled(2, "Bo", 1, 1<<62, noon)); err == nil {
		t.Error("a sum beyond 64 bits was stored")
	}
}
