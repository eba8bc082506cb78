package cluster

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

// heard collects what channels carry, in the order of each.
type heard struct {
	mu       sync.Mutex
	messages map[string][]string // by channel
	gaps     []Gap
}

func (h *heard) message(channel, payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.messages == nil {
		h.messages = map[string][]string{}
	}
	h.messages[channel] = append(h.messages[channel], payload)
}

func (h *heard) gap(g Gap) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gaps = append(h.gaps, g)
}

func (h *heard) of(channel string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.messages[channel])
}

func (h *heard) gapCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.gaps)
}

// listenSharded starts shards that put what they hear into the result.
func listenSharded(t *testing.T, address string, quiet time.Duration, channels ...string) (*shards, *heard) {
	t.Helper()
	h := &heard{}
	s := newShards(dial(t, address), quiet, h.gap, testLog(t))
	for _, channel := range channels {
		s.add(channel, h.message)
	}
	start(t, s.run)
	expectWhole(t, s, true)
	return s, h
}

func expectWhole(t *testing.T, s *shards, want bool) {
	t.Helper()
	eventually(t, "whole", func() (bool, any) {
		var st Status
		works, _ := s.status(&st)
		return works == want, works
	})
}

// expectHeard publishes until a channel's messages arrive, and returns how long that took.
func expectHeard(t *testing.T, client redis.UniversalClient, h *heard, channel string) time.Duration {
	t.Helper()
	began := time.Now()
	eventually(t, channel+" is heard", func() (bool, any) {
		err := client.SPublish(t.Context(), channel, began.String()).Err()
		got := h.of(channel)
		return len(got) > 0 && got[len(got)-1] == began.String(), err
	})
	return time.Since(began)
}

func TestShardedChannelsComeAndGo(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	client := dial(t, address)
	s, h := listenSharded(t, address, time.Second, "a", "b")
	for _, channel := range []string{"a", "b"} {
		expectHeard(t, client, h, channel)
	}
	s.remove("a")
	s.remove("unknown")
	s.add("c", h.message)
	expectHeard(t, client, h, "c")
	eventually(t, "a is left", func() (bool, any) {
		n, err := subscribers(t.Context(), client, "a", true)
		return n == 0 && err == nil, err
	})
	s.add("a", h.message)
	s.remove("a")
	s.add("a", h.message)
	expectHeard(t, client, h, "a")
	if n, err := subscribers(t.Context(), client, "a", true); n != 1 || err != nil {
		t.Errorf("%d subscriptions, %v", n, err)
	}
	for _, channel := range []string{"a", "b", "c"} {
		s.remove(channel)
	}
	eventually(t, "an idle connection ends", func() (bool, any) {
		clients, err := client.ClientList(t.Context()).Result()
		return err == nil && !strings.Contains(clients, "cmd=sunsubscribe"), clients
	})
	s.add("d", h.message)
	expectHeard(t, client, h, "d")
	if n := h.gapCount(); n != 0 {
		t.Errorf("%d gaps, and nothing was lost", n)
	}
}

func TestShardedMessagesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	client := dial(t, address)
	_, h := listenSharded(t, address, time.Second, "a", "b")
	var want []string
	pipe := client.Pipeline()
	for i := range 2000 {
		want = append(want, time.Duration(i).String())
		pipe.SPublish(t.Context(), "a", want[i])
		pipe.SPublish(t.Context(), "b", want[i])
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, channel := range []string{"a", "b"} {
		eventually(t, "all messages", func() (bool, any) {
			got := len(h.of(channel))
			return got >= len(want), got
		})
		if !slices.Equal(h.of(channel), want) {
			t.Errorf("messages of %s are out of order", channel)
		}
	}
}

func TestALostShardConnectionIsAGap(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	client := dial(t, server.URL)
	s, h := listenSharded(t, server.URL, 200*time.Millisecond, "a", "b")
	for i, lose := range []func(){
		func() { server.Kill(); expectWhole(t, s, false); server.Start() },
		func() { server.Stop(); expectWhole(t, s, false); server.Cont() },
		func() {
			if err := client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
				t.Error(err)
			}
		},
	} {
		lose()
		eventually(t, "a gap", func() (bool, any) {
			n := h.gapCount()
			return n == i+1, n
		})
		expectWhole(t, s, true)
		for _, channel := range []string{"a", "b"} {
			expectHeard(t, client, h, channel)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, g := range h.gaps {
		if g.Reason == "" || !g.Since.Before(g.Until) {
			t.Errorf("gap = %+v", g)
		}
	}
	if len(h.gaps) != 3 {
		t.Errorf("%d gaps; want one each", len(h.gaps))
	}
}

// Who keeps a log reads what it missed before anything newer comes.
func TestASubscriptionIsToldBeforeItsMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	client := dial(t, server.URL)
	h := &heard{}
	s := newShards(dial(t, server.URL), 200*time.Millisecond, h.gap, testLog(t))
	s.onConfirm("a", func() { h.message("a", "told") })
	s.add("a", h.message)
	start(t, s.run)
	for i := range 3 {
		expectWhole(t, s, true)
		eventually(t, "a is told", func() (bool, any) {
			err := client.SPublish(t.Context(), "a", "later").Err()
			told := 0
			for _, text := range h.of("a") {
				if text == "told" {
					told++
				}
			}
			return told == i+1, err
		})
		expectHeard(t, client, h, "a")
		server.Kill()
		expectWhole(t, s, false)
		server.Start()
	}
	got := h.of("a")
	if got[0] != "told" {
		t.Errorf("first came %s", got[0])
	}
}
