package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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
