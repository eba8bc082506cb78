package leaderboard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// inTx is a pool as Rebuild takes it.
type inTx struct{ *pgxpool.Pool }

func (p inTx) InTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, p.Pool, fn)
}

func rebuild(t *testing.T, pool *pgxpool.Pool, batch int) Rebuilt {
	t.Helper()
	r, err := Rebuild(t.Context(), inTx{pool}, batch, nil)
	if err != nil {
		t.Error(err)
	}
	return r
}

// enrol makes a player.
func enrol(t *testing.T, pool *pgxpool.Pool, n int, name string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `INSERT INTO players (id, name) VALUES ($1, $2)`, player(n), name); err != nil {
		t.Fatal(err)
	}
}

// store commits a round as play does. It is what its fact says, which comes later.
func store(t *testing.T, pool *pgxpool.Pool, e event.RoundSettled, state string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `
		INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout,
			seed_id, nonce, params, outcome, answer, settled_at)
		VALUES ($1, $2, $1::uuid::text, sha256(''), 'dice', 'dice-1', 'dice/1', $3::text, 'PLAY', $4, nullif($5, 0), $6,
			gen_random_uuid(), 0, '{}', '{}', '', CASE WHEN $3::text <> 'open' THEN $7::timestamptz END)`,
		e.Round, e.Player, state, int64(e.Stake), int64(e.Staked), int64(e.Payout), e.SettledAt)
	if err != nil {
		t.Error(err)
	}
}

// rows are both tables as text, without the generations.
func rows(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	found, err := pool.Query(t.Context(), `
		SELECT (to_jsonb(b) - 'generation')::text FROM (
			SELECT 'day' AS of, * FROM leaderboard_daily UNION ALL SELECT 'week', * FROM leaderboard_weekly) b
		ORDER BY b.of, b.day, b.player_id`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// drawn makes the n-th round of a test: of one of eight players, around the turn of a week.
func drawn(n int) event.RoundSettled {
	who, stake := 1+rand.IntN(8), money.Amount(1+rand.IntN(500))
	e := settled(who, fmt.Sprint("player ", who), stake, money.Amount(rand.IntN(4))*stake, // many equal multipliers
		time.Now().UTC().Truncate(time.Second).Add(time.Duration(n%40-20)*6*time.Hour))
	if n%3 == 0 {
		e.Staked = 2 * stake
	}
	return e
}

// Facts come late, shuffled and more than once, from four deliverers, while rounds are
// still played and the boards are rebuilt again and again in small batches: in the end the
// boards are those that a rebuild from nothing makes.
func TestAppliedAndRebuiltAreTheSame(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	for n := range 8 {
		enrol(t, pool, n+1, fmt.Sprint("player ", n+1))
	}
	const rounds = 400
	facts := make(chan event.RoundSettled, 2*rounds)
	var played, delivered sync.WaitGroup
	played.Go(func() {
		for n := range rounds {
			e := drawn(n)
			store(t, pool, e, "settled")
			for range 1 + n%2 {
				facts <- e
			}
		}
	})
	for range 4 {
		delivered.Go(func() { // ends with facts
			var late []event.RoundSettled
			deliver := func() {
				rand.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
				for _, e := range late {
					if err := apply(context.Background(), pool, e); err != nil {
						t.Error(err)
					}
				}
				late = late[:0]
			}
			for e := range facts {
				if late = append(late, e); len(late) == 25 {
					deliver()
				}
			}
			deliver()
		})
	}
	ended := make(chan struct{})
	delivered.Go(func() { // ends with played
		for {
			rebuild(t, pool, 20)
			select {
			case <-ended:
				return
			default:
			}
		}
	})
	played.Wait()
	close(facts)
	close(ended)
	delivered.Wait()

	applied := rows(t, pool)
	for _, sql := range []string{`TRUNCATE leaderboard_daily, leaderboard_weekly`, `DELETE FROM handled_events`} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if r := rebuild(t, pool, 100); r.Rounds != rounds || r.Players != 8 || r.Batches < 3 || r.Removed != 0 {
		t.Errorf("rebuilt %+v", r)
	}
	if diff := cmp.Diff(rows(t, pool), applied); diff != "" {
		t.Errorf("boards (-rebuilt +applied):\n%s", diff)
	}
	var counted int64
	if err := pool.QueryRow(t.Context(), `SELECT sum(rounds) FROM leaderboard_daily`).Scan(&counted); err != nil || counted != rounds {
		t.Errorf("%d rounds on the boards, %v; want %d", counted, err, rounds)
	}
}

func TestARebuildPutsRightWhatWasWrong(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool, admin := db.Pool(t), db.AdminPool(t)
	enrol(t, pool, 1, "Al")
	won, lost, open, void := settled(1, "Al", 100, 250, noon), settled(1, "Al", 50, 0, noon), settled(1, "Al", 70, 0, noon), settled(1, "Al", 80, 0, noon)
	store(t, pool, won, "settled")
	store(t, pool, lost, "settled")
	store(t, pool, open, "open")
	store(t, pool, void, "void")
	// Al's row is of the release before, with a wrong sum; Bo has no round at all, Cy only an open one.
	for n, name := range map[int]string{1: "Al", 2: "Bo", 3: "Cy"} {
		if _, err := admin.Exec(t.Context(), `INSERT INTO leaderboard_daily (day, asset, player_id, name, seen_at, rounds, staked, paid)
			VALUES ($1::date, 'PLAY', $2, $3, now(), 9, 9, 9)`, noon, player(n), name); err != nil {
			t.Fatal(err)
		}
	}
	open.Round, open.Player = uuid.New(), player(3)
	store(t, pool, open, "open")
	if r := rebuild(t, pool, 1000); r.Removed != 2 || r.Batches != 1 {
		t.Errorf("rebuilt %+v; want two rows removed in one batch", r)
	}
	want := []Entry{{Rank: 1, Player: Player{player(1), "Al"}, Rounds: 2, Staked: 150, Paid: 250, Net: 100, Best: &Best{25_000, won.Round, noon}}}
	if diff := cmp.Diff(want, top(t, pool, noon, money.Play, 5)); diff != "" {
		t.Errorf("board (-want +got):\n%s", diff)
	}
	if r := rebuild(t, pool, 1); r.Removed != 0 {
		t.Errorf("again: rebuilt %+v; want nothing removed", r)
	}
}

// A fact of a recent round that the rebuild has read does not count again.
func TestAFactAfterTheRebuildDoesNotCount(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	e := settled(1, "Al", 100, 250, time.Now().UTC().Truncate(time.Microsecond))
	enrol(t, pool, 1, "Al")
	store(t, pool, e, "settled")
	rebuild(t, pool, 10)
	if err := apply(t.Context(), pool, e); err != nil {
		t.Fatal(err)
	}
	if got := top(t, pool, e.SettledAt, money.Play, 5); len(got) != 1 || got[0].Rounds != 1 {
		t.Errorf("board = %+v; want the round once", got)
	}
}

// A round that is played and applied while a rebuild has begun, but has not got hold of the
// player's rows, is not lost.
func TestARebuildWaitsForFactsUnderWay(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	enrol(t, pool, 1, "Al")
	first, second := settled(1, "Al", 100, 250, noon), settled(1, "Al", 100, 0, noon)
	store(t, pool, first, "settled")
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := Apply(t.Context(), tx, first); err != nil {
		t.Fatal(err)
	}
	var rebuilt sync.WaitGroup
	rebuilt.Go(func() { rebuild(t, pool, 10) })
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting, deadline := false, time.Now().Add(20*time.Second); !waiting; <-tick.C {
		const look = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`
		if err := pool.QueryRow(t.Context(), look).Scan(&waiting); err != nil || time.Now().After(deadline) {
			t.Fatal("the rebuild does not wait: ", err)
		}
	}
	store(t, pool, second, "settled")
	if _, err := Apply(t.Context(), tx, second); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	rebuilt.Wait()
	if got := top(t, pool, noon, money.Play, 5); len(got) != 1 || got[0].Rounds != 2 {
		t.Errorf("board = %+v; want both rounds", got)
	}
}
