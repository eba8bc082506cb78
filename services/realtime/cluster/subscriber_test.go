package cluster

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

// Only the last confirmation ends a gap: until then some channels are still deaf.
func TestAGapEndsWithTheLastSubscription(t *testing.T) {
	t.Parallel()
	var gaps []Gap
	s := newSubscriber(nil, time.Second, func(g Gap) { gaps = append(gaps, g) }, testLog(t))
	ignore := func(string, string) {}
	s.add("p*", ignore, []string{"c", "d"}, ignore)
	confirm := func(kind, channel string, want bool) {
		t.Helper()
		s.take(&redis.Subscription{Kind: kind, Channel: channel})
		if s.whole != want {
			t.Errorf("after %s: whole = %t", channel, s.whole)
		}
	}
	confirm("psubscribe", "p*", false)
	confirm("subscribe", "c", false)
	confirm("unsubscribe", "d", false)
	confirm("subscribe", "d", true)
	if len(gaps) != 0 {
		t.Errorf("the first subscription is no gap: %+v", gaps)
	}
	for range 2 {
		s.fail(t.Context(), errors.New("lost"))
		s.fail(t.Context(), errors.New("lost again"))
		if s.whole {
			t.Error("whole after a loss")
		}
		confirm("subscribe", "c", false)
		confirm("subscribe", "d", false)
		confirm("psubscribe", "p*", true)
		s.add("q*", ignore, nil, ignore) // a new namespace is no gap
		confirm("psubscribe", "q*", true)
		s.remove("q*", nil)
	}
	if len(gaps) != 2 || gaps[0].Reason != "lost" || gaps[1].Since.Before(gaps[0].Until) {
		t.Errorf("gaps = %+v; want two, each with its first reason", gaps)
	}
}

// A message that takes long to handle holds up the next one, and is no loss.
func TestASlowHandlerIsNoGap(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	var gaps atomic.Int64
	s := newSubscriber(dial(t, address), 40*time.Millisecond, func(Gap) { gaps.Add(1) }, testLog(t))
	release, handled := make(chan struct{}), make(chan string, 2)
	s.add("p*", func(_, payload string) {
		<-release
		handled <- payload
	}, nil, nil)
	start(t, s.run)
	client := dial(t, address)
	eventually(t, "a listener", func() (bool, any) {
		n, err := client.Publish(t.Context(), "p", "one").Result()
		return n > 0, err
	})
	if err := client.Publish(t.Context(), "p", "two").Err(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(600 * time.Millisecond) // of silence to the watcher: 15 times what it bears
	eventually(t, "the time is over", func() (bool, any) { return time.Now().After(deadline), nil })
	close(release)
	for _, want := range []string{"one", "two"} {
		select {
		case got := <-handled:
			if got != want {
				t.Errorf("handled %s; want %s", got, want)
			}
		case <-time.After(patience):
			t.Errorf("%s was lost", want)
		}
	}
	if n := gaps.Load(); n != 0 {
		t.Errorf("%d gaps", n)
	}
}
