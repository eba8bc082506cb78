package croupier

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

const wheel = "roulette-1"

func TestOneOfThreeLeadsAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	var all []*container
	for n := range 3 {
		c := start(t, fmt.Sprint("c", n), h.URL, address, func(o *Options) { o.Lease = patience })
		c.Enter("table:" + wheel)
		c.Enter("table:dice-1")
		c.Enter("lobby")
		all = append(all, c)
	}
	for len(all) > 0 {
		leader := h.led(t, wheel)
		began := h.count()
		eventually(t, "five more calls", func() (bool, any) { return len(h.since(began, wheel)) >= 5, nil })
		if now := leaders(all...); !slices.Equal(now, []string{leader}) {
			t.Errorf("%v lead, want %s alone", now, leader)
		}
		at := slices.IndexFunc(all, func(c *container) bool { return c.name == leader })
		all[at].stop() // it drains
		if n := all[at].Leading(); n != 0 {
			t.Errorf("%s leads %d tables after its end", leader, n)
		}
		if n := all[at].Lost(); n != 0 {
			t.Errorf("%s lost %d leases, want them given back", leader, n)
		}
		all = slices.Delete(all, at, at+1)
	}
	h.sound(t)
	if calls := h.since(0, "dice-1"); len(calls) > 0 {
		t.Errorf("a table that is nobody else's was advanced: %+v", calls)
	}
}

// With a lease far longer than the test, only the news of its return lets another go on.
func TestDrainAndTheLastMemberHandOverAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		handOver(t, redistest.New(t), func(c redis.UniversalClient) (int64, error) {
			n, err := c.PubSubNumSub(t.Context(), channel).Result()
			return n[channel], err
		})
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		handOver(t, redistest.Cluster(t).URL, func(c redis.UniversalClient) (all int64, err error) {
			cluster, ok := c.(*redis.ClusterClient)
			if !ok {
				t.Fatalf("the client of a cluster is a %T", c)
			}
			var mu sync.Mutex
			err = cluster.ForEachShard(t.Context(), func(ctx context.Context, node *redis.Client) error {
				n, err := node.PubSubNumSub(ctx, channel).Result()
				mu.Lock()
				defer mu.Unlock()
				all += n[channel]
				return err
			})
			return all, err
		})
	})
}

// handOver counts with listeners those who wait for news of leases.
func handOver(t *testing.T, address string, listeners func(redis.UniversalClient) (int64, error)) {
	h := newHouse(t)
	long := func(o *Options) { o.Lease = 10 * patience }
	one := start(t, "one", h.URL, address, long)
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	two := start(t, "two", h.URL, address, long)
	two.Enter("table:" + wheel)
	client := dial(t, address)
	eventually(t, "both listen", func() (bool, any) {
		n, err := listeners(client)
		return n == 2, err
	})
	one.Exit("table:" + wheel) // the round ends first
	began := time.Now()
	h.led(t, wheel, "one")
	t.Logf("handed over %s after the last member left", time.Since(began))
	one.Enter("table:" + wheel)
	began = time.Now()
	two.stop()
	h.led(t, wheel, "two")
	t.Logf("handed over %s after a drain began", time.Since(began))
	h.sound(t)
}

func TestTheRoundOfTheLastMemberIsSettledAndNoneOpened(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	one := start(t, "one", h.URL, address, func(o *Options) { o.Lease = patience })
	client := dial(t, address)
	for range 20 {
		one.Enter("table:" + wheel)
		one.Enter("table:" + wheel)
		h.led(t, wheel)
		one.Exit("table:" + wheel)
		one.Exit("table:" + wheel)
		eventually(t, "nobody leads", func() (bool, any) { return one.Leading() == 0, nil })
		if r := h.round(wheel); r.state != settled {
			t.Fatalf("left with round %d %s, want it settled", r.seq, r.state)
		}
		eventually(t, "the lease is given back", func() (bool, any) {
			n, err := client.Exists(t.Context(), keys(wheel)[0]).Result()
			return n == 0 && err == nil, err
		})
	}
	if n := one.Lost(); n != 0 {
		t.Errorf("%d leases lost", n)
	}
	h.sound(t)
}

func TestARoundThatDoesNotEndIsLeftInTheEnd(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	h.with(func() { h.rounds[wheel] = &round{seq: 7, state: "locked", still: true} })
	one := start(t, "one", h.URL, address, func(o *Options) { o.Linger = 500 * time.Millisecond })
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	left := time.Now()
	one.Exit("table:" + wheel)
	h.led(t, wheel) // it goes on for a while
	eventually(t, "nobody leads", func() (bool, any) { return one.Leading() == 0, nil })
	if took := time.Since(left); took < 500*time.Millisecond {
		t.Errorf("left after %s", took)
	}
}

// A member who comes back in time finds the clock going on with the same lease.
func TestAMemberWhoComesBackKeepsTheLeader(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	h.with(func() { h.rounds[wheel] = &round{seq: 7, state: "open", still: true} })
	one := start(t, "one", h.URL, address, func(o *Options) { o.Lease = time.Minute })
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	fence := h.round(wheel).fence
	one.Exit("table:" + wheel)
	h.led(t, wheel)
	one.Enter("table:" + wheel)
	h.with(func() { h.rounds[wheel].still = false })
	eventually(t, "the next rounds are played", func() (bool, any) { return h.round(wheel).seq > 9, nil })
	if f := h.round(wheel).fence; f != fence {
		t.Errorf("fence %d, want the first lease kept, %d", f, fence)
	}
}

func TestTroubleOfTheServiceCostsNoLease(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	one := start(t, "one", h.URL, address, func(o *Options) { o.Lease, o.Timeout = patience, 200*time.Millisecond })
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	fence := h.round(wheel).fence
	for _, test := range []struct {
		name   string
		begin  func()
		result Result
	}{
		{"503", func() { h.status = http.StatusServiceUnavailable }, Failed},
		{"an unknown conflict", func() { h.status = http.StatusConflict }, Failed},
		{"403", func() { h.status = http.StatusForbidden }, Refused},
		{"no answer", func() { h.held = make(chan struct{}) }, Unreachable},
	} {
		before := one.Asked(test.result)
		h.with(test.begin)
		eventually(t, test.name+" twice", func() (bool, any) { return one.Asked(test.result) >= before+2, one.Asked(test.result) })
		h.with(func() {
			h.status = 0
			if h.held != nil {
				close(h.held)
				h.held = nil
			}
		})
		h.led(t, wheel)
	}
	if f := h.round(wheel).fence; one.Lost() != 0 || f != fence {
		t.Errorf("%d leases lost, fence %d; want the first lease kept, %d", one.Lost(), f, fence)
	}
}

func TestTheListIsReadWhenItMayBeNews(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	one := start(t, "one", h.URL, address, func(o *Options) { o.Keep = time.Hour })
	asked := func() (asked, listed int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.asked, h.listed
	}
	one.Enter("lobby")
	one.Enter("table:dice-1")
	one.Enter("table:crash-1")
	h.led(t, "crash-1")
	one.Enter("table:unheard-of")
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	if asked, listed := asked(); asked != 1 || listed != 1 {
		t.Errorf("asked %d times, listed %d times within the time of one list", asked, listed)
	}

	two := start(t, "two", h.URL, address, func(o *Options) { o.Keep = 100 * time.Millisecond })
	two.Enter("table:new-1")
	eventually(t, "asked again", func() (bool, any) { n, _ := asked(); return n >= 4, n })
	if _, listed := asked(); listed != 2 {
		t.Errorf("listed %d times although nothing was new", listed)
	}
	h.with(func() { h.etag, h.tables = `"2"`, `{"tables":[{"id":"new-1","shared":true}]}` })
	if got := h.led(t, "new-1"); got != "two" {
		t.Errorf("%s leads", got)
	}
}
