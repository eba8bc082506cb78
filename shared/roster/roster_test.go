package roster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
	"github.com/vegascore/vegascore/shared/takings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	client, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// onEach runs a test on a real Redis and on the one that runs in a process.
func onEach(t *testing.T, test func(t *testing.T, client redis.UniversalClient)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { t.Parallel(); test(t, connect(t, redistest.New(t))) })
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, connect(t, "redis://"+miniredis.RunT(t).Addr()))
	})
}

func ids(t *testing.T, client redis.UniversalClient) string {
	t.Helper()
	cards, err := List(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range cards {
		all = append(all, c.Service+" "+c.ID)
	}
	return strings.Join(all, ", ")
}

func TestEachContainerHasItsCard(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient) {
		if got := ids(t, client); got != "" {
			t.Errorf("without containers: %s", got)
		}
		want := Card{
			ID: "a", Service: "actions", Revision: "actions-00002-abc",
			Health: health.Document{Status: health.Degraded, Version: "<b>5.0.0</b>", Uptime: 3, Components: map[string]health.Component{
				"database": {Status: health.Healthy, Details: map[string]any{"poolSize": 12.0}},
			}},
			Crowd: &Crowd{Sockets: 3, Rooms: 2},
			Games: map[string]takings.Sums{"dice": {Bets: 2, Staked: 200, Paid: 99, Expected: 198, Variance: .5, Farthest: 1e12}},
		}
		for _, card := range []Card{{ID: "r2", Service: "realtime"}, want, {ID: "r1", Service: "realtime"}, want} {
			if err := Put(t.Context(), client, card); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(t, client); got != "actions a, realtime r1, realtime r2" {
			t.Errorf("got %s", got)
		}
		cards, err := List(t.Context(), client)
		if diff := cmp.Diff(want, cards[0]); diff != "" || err != nil {
			t.Errorf("card (-want +got), %v:\n%s", err, diff)
		}
		if err := Remove(t.Context(), client, "r1"); err != nil {
			t.Error(err)
		}
		if got := ids(t, client); got != "actions a, realtime r2" {
			t.Errorf("after one was removed: %s", got)
		}
	})
}

// A container that was killed, and one of a version that writes something else.
func TestCardsThatEndedAndThatNobodyCanReadAreLeftOut(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient) {
		text, err := json.Marshal(Card{ID: "dead"})
		if err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Hour).UnixMilli()
		for id, value := range map[string]string{
			"dead":   fmt.Sprintf("%d %s", time.Now().Add(-time.Hour).UnixMilli(), text),
			"broken": fmt.Sprintf(`%d {"id":`, later), "nameless": fmt.Sprintf(`%d {}`, later), "other": fmt.Sprintf("%d []", later), "no end": "{}", "empty": "",
		} {
			if err := client.HSet(t.Context(), key, id, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if got := ids(t, client); got != "" {
			t.Errorf("got %s", got)
		}
		if err := Put(t.Context(), client, Card{ID: "a", Service: "actions"}); err != nil {
			t.Fatal(err)
		}
		if n, err := client.HExists(t.Context(), key, "dead").Result(); n || err != nil {
			t.Errorf("the card of a dead container is kept: %v", err)
		}
		if ttl, err := client.PTTL(t.Context(), key).Result(); ttl < Lease || err != nil {
			t.Errorf("the list lasts %s, %v", ttl, err)
		}
	})
}

func TestACardIsNotTooLarge(t *testing.T) {
	t.Parallel()
	if err := Put(t.Context(), nil, Card{ID: "a", Revision: strings.Repeat("x", maxCard)}); err == nil {
		t.Error("a card of any size is written")
	}
}

func TestAContainerIsListedFromItsStartToItsEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	client := connect(t, server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() { // ends with cancel
		Keep(ctx, client, func() Card {
			return Card{ID: "a", Service: "actions", Health: health.Document{Uptime: calls.Add(1)}}
		}, slog.New(slog.DiscardHandler))
	})
	listed := func(after int64) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; <-time.After(10 * time.Millisecond) {
			if cards, err := List(t.Context(), client); err == nil && len(cards) == 1 && cards[0].Health.Uptime > after {
				return
			}
			if time.Now().After(end) {
				t.Fatal("the container is not on the list")
			}
		}
	}
	listed(0)
	server.Kill()
	server.Start()
	listed(calls.Load()) // written again to the Redis that came back
	cancel()
	wg.Wait()
	if got := ids(t, client); got != "" {
		t.Errorf("after its end: %s", got)
	}
}
