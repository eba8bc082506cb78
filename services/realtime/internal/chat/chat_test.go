package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what should happen at once, on a busy machine.
const patience = 20 * time.Second

// board is one container's. It waits for a busy machine, unless opts has a limit.
func board(t *testing.T, address string, opts Options) *Board {
	t.Helper()
	if opts.Limit == 0 {
		opts.Limit = patience
		address += "?read_timeout=20s&write_timeout=20s&dial_timeout=20s"
	}
	client, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return New(client, opts, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// onEach runs test on a real Redis, a Redis Cluster, and miniredis, the embedded default.
func onEach(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { t.Parallel(); test(t, redistest.New(t)) })
	t.Run("cluster", func(t *testing.T) { t.Parallel(); test(t, redistest.Cluster(t).URL) })
	t.Run("miniredis", func(t *testing.T) { t.Parallel(); test(t, "redis://"+miniredis.RunT(t).Addr()) })
}

func from(player, text string) Message {
	return Message{Room: "r", From: cluster.Member{ID: player, Name: player}, Text: text}
}

func texts(t *testing.T, b *Board) []string {
	t.Helper()
	messages, err := b.History(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

func TestManyWhoSendOneMessagePostItOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		boards := []*Board{board(t, address, Options{}), board(t, address, Options{})}
		var fresh atomic.Int64
		var ids sync.Map
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				posted := boards[n%2].Post(t.Context(), from("p1", "hello"), "k")
				ids.Store(posted.Message.ID, true)
				if !posted.Again {
					fresh.Add(1)
				}
				if !posted.Stored {
					t.Errorf("not stored: %+v", posted)
				}
			})
		}
		wg.Wait()
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		if fresh.Load() != 1 || n != 1 {
			t.Errorf("posted %d times under %d ids, want once", fresh.Load(), n)
		}
		if got := texts(t, boards[0]); len(got) != 1 {
			t.Errorf("the history is %v", got)
		}
	})
}

func TestTheHistoryIsBoundedAndInOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		opts := Options{Prefix: "other", Keep: 3, For: time.Minute}
		b := board(t, address, opts)
		for n := range 5 {
			b.Post(t.Context(), from("p1", fmt.Sprint(n)), "")
		}
		if got := fmt.Sprint(texts(t, board(t, address, opts))); got != "[2 3 4]" {
			t.Errorf("the history is %s, want the last three", got)
		}
		left, err := b.client.PTTL(t.Context(), "other:{chat:r}").Result()
		if err != nil || left <= 0 || left > time.Minute {
			t.Errorf("it is kept for %s, %v; want a minute", left, err)
		}
	})
}

func TestOnePaceHoldsOverContainers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		opts := Options{Player: Rule{time.Hour, 5}, Address: Rule{time.Hour, 8}}
		boards := []*Board{board(t, address, opts), board(t, address, opts)}
		take := func(player, where string) (taken int) {
			for n := range 12 {
				if wait := boards[n%2].Pace(t.Context(), player, where); wait == 0 {
					taken++
				} else if wait > time.Hour {
					t.Errorf("%s is to wait %s, longer than for one", player, wait)
				}
			}
			return taken
		}
		if got := take("p1", "a1"); got != 5 {
			t.Errorf("a player took %d, want 5", got)
		}
		if got := take("p2", "a2"); got != 5 {
			t.Errorf("another player took %d, want 5", got)
		}
		if got := take("p3", "a1"); got > 3 {
			t.Errorf("a second player of an address that had 5 of 8 took %d", got)
		}
		if got := take("p4", ""); got != 5 {
			t.Errorf("a player of no address took %d, want 5", got)
		}
	})
}

// What is taken comes back with time, by Redis' clock.
func TestAPaceGoesOn(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	b := board(t, "redis://"+server.Addr(), Options{Player: Rule{time.Second, 2}})
	now := time.Now()
	for n, want := range []bool{true, true, false, true, false, true, true, false} {
		switch n {
		case 3:
			now = now.Add(1100 * time.Millisecond)
		case 5:
			now = now.Add(time.Hour)
		}
		server.SetTime(now)
		b.paces = newPaces() // what another container knows
		if got := b.Pace(t.Context(), "p", "") == 0; got != want {
			t.Errorf("message %d: taken = %v, want %v", n, got, want)
		}
	}
}

func TestOneContainerPacesAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(nil, Options{Player: Rule{time.Second, 2}}, slog.New(slog.DiscardHandler))
		pace := func(want time.Duration) {
			t.Helper()
			if got := b.Pace(t.Context(), "p", "a"); (got - want).Abs() > time.Millisecond {
				t.Errorf("wait %s, want %s", got, want)
			}
		}
		pace(0)
		pace(0)
		pace(time.Second)
		<-time.After(600 * time.Millisecond)
		pace(400 * time.Millisecond)
		<-time.After(400 * time.Millisecond)
		pace(0)
		<-time.After(time.Minute)
		b.Pace(t.Context(), "q", "")
		if len(b.paces.of) != 1 {
			t.Errorf("%d paces are kept, want that of the last", len(b.paces.of))
		}
	})
}

func TestAFrozenRedisCostsOneWait(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	b := board(t, server.URL, Options{Limit: 300 * time.Millisecond})
	b.Post(t.Context(), from("p1", "before"), "")
	server.Stop()
	defer server.Cont()
	began := time.Now()
	for n := range 20 {
		b.Pace(t.Context(), fmt.Sprint("p", n), "")
		if posted := b.Post(t.Context(), from("p1", "now"), fmt.Sprint(n)); posted.Stored {
			t.Error("stored in a frozen Redis")
		}
		if _, err := b.History(t.Context(), "r"); !errors.Is(err, ErrAlone) {
			t.Errorf("History: %v, want %v", err, ErrAlone)
		}
	}
	if spent := time.Since(began); spent > 10*time.Second { // 18 s if each waited
		t.Errorf("60 calls took %s", spent)
	} else {
		t.Logf("60 calls took %s", spent)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(nil, Options{}, slog.New(slog.DiscardHandler))
		ctx := context.Background()
		for n := range maxRooms + 10 {
			b.Post(ctx, Message{Room: fmt.Sprint(n), From: cluster.Member{ID: "p"}, Text: "x"}, "k")
			<-time.After(time.Millisecond)
		}
		if got := len(b.shelf.rooms); got != maxRooms {
			t.Errorf("%d rooms are kept, want %d", got, maxRooms)
		}
		if got, err := b.History(ctx, "0"); len(got) != 0 || err != nil {
			t.Errorf("the room that was quiet for longest has %v, %v", got, err)
		}
		for n := range 2 * maxKeys {
			b.Post(ctx, from("p", fmt.Sprint(n)), fmt.Sprint(n))
		}
		r := b.shelf.rooms["r"]
		if len(r.keys) != maxKeys || len(r.order) != maxKeys || len(r.messages) != b.opts.Keep {
			t.Errorf("%d keys in order %d, %d messages", len(r.keys), len(r.order), len(r.messages))
		}
		<-time.After(b.opts.For + time.Second)
		if got, _ := b.History(ctx, "r"); len(got) != 0 {
			t.Errorf("%d messages are older than %s", len(got), b.opts.For)
		}
	})
}
