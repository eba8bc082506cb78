package croupier

import (
	"slices"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/redistest"
)

// led2 are two containers at the table, the leader first.
func led2(t *testing.T, h *house, first, second string, tune ...func(*Options)) (leader, other *container) {
	t.Helper()
	leader = start(t, "one", h.URL, first, tune...)
	leader.Enter("table:" + wheel)
	h.led(t, wheel)
	other = start(t, "two", h.URL, second, tune...)
	other.Enter("table:" + wheel)
	return leader, other
}

func TestARedisThatForgetsIsTaughtTheFence(t *testing.T) {
	t.Parallel()
	h, server := newHouse(t), redistest.Server(t)
	one, two := led2(t, h, server.URL, server.URL)
	client := dial(t, server.URL)
	for range 5 {
		before := h.round(wheel).fence
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a later fence is used", func() (bool, any) { return h.round(wheel).fence > before, h.round(wheel) })
		h.led(t, wheel)
	}
	eventually(t, "one leads", func() (bool, any) { return one.Leading()+two.Leading() == 1, nil })
	if one.Lost()+two.Lost() == 0 {
		t.Error("no lease is counted as lost")
	}

	h.sound(t)

	// Nobody here knows of the number that was used meanwhile.
	h.with(func() { h.rounds[wheel].fence = 1 << 50 })
	eventually(t, "the number is passed", func() (bool, any) { return h.round(wheel).fence > 1<<50, h.round(wheel) })
	if one.Asked(Stale)+two.Asked(Stale) == 0 {
		t.Error("nothing is counted as stale")
	}
	h.led(t, wheel)
}

func TestWithoutRedisNobodyLeadsAndLaterSomebodyDoes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		away, back func(*redistest.Instance)
	}{
		{"frozen", (*redistest.Instance).Stop, (*redistest.Instance).Cont},
		{"killed", (*redistest.Instance).Kill, (*redistest.Instance).Start},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, server := newHouse(t), redistest.Server(t)
			one, two := led2(t, h, server.URL, server.URL)
			for range 2 {
				test.away(server)
				eventually(t, "nobody leads", func() (bool, any) { return len(leaders(one, two)) == 0, leaders(one, two) })
				quiet := h.count()
				<-time.After(2 * shortLease)
				if calls := h.since(quiet, wheel); len(calls) > 1 { // one may have been on its way
					t.Errorf("without Redis: %+v", calls)
				}
				test.back(server)
				h.led(t, wheel)
			}
			eventually(t, "one leads", func() (bool, any) { return one.Leading()+two.Leading() == 1, nil })
		})
	}
}

// The leader does not reach Redis any more, but the house.
func TestAPartitionedLeaderGivesUp(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.Server(t).URL
	way := newProxy(t, address)
	one, two := led2(t, h, way.url(), address)
	for range 3 {
		way.set(true)
		h.led(t, wheel, "one")
		eventually(t, "one gives up", func() (bool, any) { return one.Leading() == 0, nil })
		way.set(false)
		two.Exit("table:" + wheel)
		h.led(t, wheel, "two")
		two.Enter("table:" + wheel)
	}
	if one.Lost() == 0 {
		t.Error("no lease is counted as lost")
	}
	h.sound(t)
}

// The leader's last request reaches the house after the next leader's.
func TestARequestThatWasHeldUpIsRefused(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.Server(t).URL
	way := newProxy(t, address)
	led2(t, h, way.url(), address)
	held := make(chan struct{})
	h.with(func() { h.held, h.whose = held, "one" })
	eventually(t, "a request is held up", func() (bool, any) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.waiting > 0, nil
	})
	way.set(true)
	h.led(t, wheel, "one")
	close(held)
	eventually(t, "it is refused", func() (bool, any) {
		calls := h.since(0, wheel)
		return slices.ContainsFunc(calls, func(c call) bool { return c.stale && c.container == "one" }), calls[len(calls)-1]
	})
	h.led(t, wheel, "one")
	h.sound(t)
}

// By the clock of one process: whoever gets a lease gets it after the last holder's end.
func TestNoTwoLeasesAreValidAtATime(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.New(t))
	one := &leases{client: client, container: "one", life: 200 * time.Millisecond}
	two := &leases{client: client, container: "two", life: 200 * time.Millisecond}
	var last *lease
	for n := range 10 {
		holder, waiter := one, two
		if n%2 == 1 {
			holder, waiter = two, one
		}
		eventually(t, "a lease", func() (bool, any) {
			got, rest, err := holder.take(t.Context(), wheel, 0)
			if got == nil {
				return false, []any{rest, err}
			}
			if last != nil && last.valid() {
				t.Errorf("fence %d is given out before the end of %d", got.fence, last.fence)
			}
			if last != nil && got.fence <= last.fence {
				t.Errorf("fence %d follows %d", got.fence, last.fence)
			}
			last = got
			return true, nil
		})
		if got, _, _ := waiter.take(t.Context(), wheel, 0); got != nil && last.valid() {
			t.Errorf("another one while a lease is valid: %+v", got)
		}
		if kept, err := holder.renew(t.Context(), last); err == nil && !kept && last.valid() {
			t.Error("a valid lease is not renewed")
		}
	}
}

func TestAnOldLeaseIsNeitherRenewedNorGivenBack(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.New(t))
	one := &leases{client: client, container: "one", life: time.Minute}
	last, _, err := one.take(t.Context(), wheel, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Del(t.Context(), keys(wheel)[1]).Err(); err != nil {
		t.Fatal(err)
	}
	if kept, err := one.renew(t.Context(), last); !kept || err != nil {
		t.Errorf("a lease is renewed: %t, %v", kept, err)
	}
	if counter, err := client.Get(t.Context(), keys(wheel)[1]).Int64(); counter != last.fence || err != nil {
		t.Errorf("a counter that was lost is %d, %v; want %d again", counter, err, last.fence)
	}
	lost := &lease{table: wheel, value: "one 1", fence: 1}
	lost.extend(time.Now(), time.Minute)
	if kept, err := one.renew(t.Context(), lost); kept || err != nil {
		t.Errorf("an old lease is renewed: %t, %v", kept, err)
	}
	if err := one.release(t.Context(), lost); err != nil {
		t.Error(err)
	}
	if kept, err := client.Get(t.Context(), keys(wheel)[0]).Result(); err != nil || kept != last.value {
		t.Errorf("the release of an old lease left %q, %v", kept, err)
	}
}

func TestALeaderRenewsItsLease(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	one := start(t, "one", h.URL, address, func(o *Options) { o.Lease = 6 * time.Second })
	one.Enter("table:" + wheel)
	h.led(t, wheel)
	fence, client := h.round(wheel).fence, dial(t, address)
	for range 2 {
		last := time.Hour
		eventually(t, "the lease is longer again", func() (bool, any) {
			rest, err := client.PTTL(t.Context(), keys(wheel)[0]).Result()
			rose := rest > last
			last = rest
			return rose && err == nil, rest
		})
	}
	h.led(t, wheel)
	if f := h.round(wheel).fence; f != fence || one.Lost() != 0 {
		t.Errorf("fence %d, %d leases lost; want the first lease kept, %d", f, one.Lost(), fence)
	}
}

// An answer that was lost must not keep its own container from leading.
func TestALeaseThatItsHolderDoesNotKnowOfIsTakenAgain(t *testing.T) {
	t.Parallel()
	l := &leases{client: dial(t, redistest.New(t)), container: "one", life: time.Minute}
	last := time.Now().Add(-time.Minute).UnixMilli() // Redis' clock is this machine's
	for range 100 {
		got, _, err := l.take(t.Context(), wheel, 0)
		if err != nil || got == nil || got.fence <= last {
			t.Fatalf("taken: %+v, %v; want a fence after %d", got, err, last)
		}
		last = got.fence
	}
	for want := int64(1<<52 + 1); want < 1<<52+3; want++ { // Redis' clock is far behind
		got, _, err := l.take(t.Context(), wheel, 1<<52)
		if err != nil || got.fence != want {
			t.Errorf("past a number that was seen: %+v, %v; want %d", got, err, want)
		}
	}
}
