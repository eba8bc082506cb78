package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// lines is a log that can be counted.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), message)
}

// gap waits for the next gap that a container reports.
func (n *node) gap(t *testing.T) Gap {
	t.Helper()
	select {
	case g := <-n.gaps:
		return g
	case <-time.After(patience):
		t.Fatal("no gap was reported")
		return Gap{}
	}
}

// exchange has both sides hear each other.
func exchange(t *testing.T, a, b *node, text string) {
	t.Helper()
	for _, pair := range [][2]*node{{a, b}, {b, a}} {
		data := fmt.Sprintf(`[%q,%q]`, text, pair[0].opts.UID)
		pair[0].emit(t, data)
		eventually(t, data, func() (bool, any) {
			got := pair[1].texts()
			return slices.Contains(got, data), len(got)
		})
	}
}

func TestAContainerStartsWithoutRedisAndHeals(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	server.Kill()
	a := enter(t, server.URL, Options{}, "/", "r")
	if s := a.Status(); s.Connected || s.Containers != 1 {
		t.Errorf("status = %+v", s)
	}
	if err := a.bus.Publish(socketio.Broadcast{Packet: event(`["lost"]`)}); err != nil {
		t.Errorf("the first publish = %v; nobody knows yet that Redis is away", err)
	}
	eventually(t, "publishing is refused", func() (bool, any) {
		err := a.bus.Publish(socketio.Broadcast{Packet: event(`["lost"]`)})
		return errors.Is(err, ErrAlone), err
	})
	server.Start()
	b := join(t, server.URL, Options{}, "/", "r")
	t.Logf("healed in %s", a.expectConnected(t, true))
	exchange(t, a, b, "whole")
	if g := a.gap(t); !g.Until.After(g.Since) {
		t.Errorf("gap = %+v", g)
	}
}

func TestAKilledRedisIsAGapAndHeals(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	var log lines
	publish, subscribe, err := redisconn.OpenPair(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = publish.Close(), subscribe.Close() }()
	a := &node{local: local{name: "/", rooms: []string{"r"}}, gaps: make(chan Gap, 100)}
	a.Redis = NewRedis(publish, subscribe, Options{OnGap: func(g Gap) { a.gaps <- g }}, slog.New(slog.NewTextHandler(&log, nil)))
	defer start(t, a.Run)()
	if a.bus, err = a.Open(&a.local); err != nil {
		t.Fatal(err)
	}
	a.expectConnected(t, true)
	b := join(t, server.URL, Options{}, "/", "r")
	exchange(t, a, b, "before")

	server.Kill()
	a.expectConnected(t, false)
	for range 100 {
		_ = a.bus.Publish(socketio.Broadcast{Packet: event(`["lost"]`)}) // refused or dropped
	}
	a.expectStatus(t, "all are counted", func(s Status) bool { return s.Dropped == 100 })
	server.Start()
	healed := a.expectConnected(t, true)
	b.expectConnected(t, true)
	t.Logf("healed in %s", healed)
	for _, n := range []*node{a, b} {
		if g := n.gap(t); !g.Until.After(g.Since) || g.Reason == "" {
			t.Errorf("gap = %+v", g)
		}
	}
	exchange(t, a, b, "after")
	a.expectStatus(t, "one gap, and both exchanges published", func(s Status) bool {
		return s.Gaps == 1 && s.LastGap.Reason != "" && s.Published == 2
	})
	for _, message := range []string{"publishing to this container only", "publishing to all containers again", "not listening", "listening to other containers again"} {
		if got := log.count(message); got != 1 {
			t.Errorf("%q was logged %d times; want once", message, got)
		}
	}
}

func TestAFrozenRedisIsFoundAndDoesNotHoldUpPublishing(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a := join(t, server.URL, Options{}, "/", "r")
	b := join(t, server.URL, Options{}, "/", "r")
	exchange(t, a, b, "before")
	server.Stop()
	began := time.Now()
	for range 10_000 {
		_ = a.bus.Publish(socketio.Broadcast{Packet: event(`["late or lost"]`)})
	}
	if spent := time.Since(began); spent > 2*time.Second {
		t.Errorf("10,000 publishes took %s", spent)
	}
	a.expectConnected(t, false)
	b.expectConnected(t, false)
	t.Logf("found in %s", time.Since(began))
	server.Cont()
	t.Logf("healed in %s", a.expectConnected(t, true))
	b.expectConnected(t, true)
	a.gap(t)
	b.gap(t)
	exchange(t, a, b, "after")
	a.expectStatus(t, "all published or dropped", func(s Status) bool { return s.Published+s.Dropped == 10_002 })
}

func TestACutNetworkIsFoundWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		network := newProxy(t, address)
		a := join(t, network.url(), Options{}, "/", "r")
		b := join(t, address, Options{}, "/", "r")
		exchange(t, a, b, "before")
		network.set(true)
		found := a.expectConnected(t, false)
		t.Logf("found in %s", found)
		if found > 8*time.Second { // at most 5 s, and what a busy machine adds
			t.Errorf("found after %s", found)
		}
		if s := b.Status(); !s.Connected {
			t.Errorf("the other container is affected: %+v", s)
		}
		b.emit(t, `["missed"]`)
		network.set(false)
		t.Logf("healed in %s", a.expectConnected(t, true))
		g := a.gap(t)
		if g.Until.Sub(g.Since) < a.opts.Quiet {
			t.Errorf("gap = %+v", g)
		}
		exchange(t, a, b, "after")
	})
}

// Redis cuts a listener that does not keep up.
func TestACutSubscriptionIsAGap(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a := join(t, server.URL, Options{}, "/", "r")
	b := join(t, server.URL, Options{}, "/", "r")
	client := dial(t, server.URL)
	for round := range 3 {
		if err := client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		a.gap(t)
		b.gap(t)
		exchange(t, a, b, fmt.Sprint("after cut ", round))
	}
	if s := a.Status(); s.Gaps != 3 || s.Dropped != 0 {
		t.Errorf("status = %+v; want 3 gaps and nothing dropped", s)
	}
	eventually(t, "one subscription each", func() (bool, any) {
		n, err := a.bus.Size(t.Context())
		return err == nil && n == 2, n
	})
}

// A quiet connection is a good one.
func TestSilenceAloneIsNoGap(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		a := join(t, address, Options{Quiet: time.Second}, "/")
		client := dial(t, address)
		deadline := time.Now().Add(2500 * time.Millisecond)
		eventually(t, "silence for longer than is borne", func() (bool, any) { return time.Now().After(deadline), nil })
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if s := a.Status(); s.Gaps != 0 || !s.Connected {
			t.Errorf("status = %+v", s)
		}
	})
}
