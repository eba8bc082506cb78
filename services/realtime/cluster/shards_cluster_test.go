package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/redistest"
)

// spread are channels over all nodes of a cluster.
func spread(n int) (channels []string) {
	for i := range n {
		channels = append(channels, fmt.Sprint("c", i))
	}
	return channels
}

// No room goes deaf, whatever the nodes do: slots move, replicas take over in order,
// masters die, and masters freeze with their connections open.
func TestShardedChannelsFollowTheirSlots(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	client := dial(t, nodes.URL)
	channels := spread(30)
	s, h := listenSharded(t, nodes.URL, 500*time.Millisecond, channels...)
	hear := func() (longest time.Duration) {
		t.Helper()
		for _, channel := range channels {
			longest = max(longest, expectHeard(t, client, h, channel))
		}
		return longest
	}
	hear()
	if n := h.gapCount(); n != 0 {
		t.Errorf("%d gaps before anything happened", n)
	}
	for range rounds() {
		for _, change := range []struct {
			what string
			run  func()
		}{
			{"a slot moved", func() { nodes.Move("c0") }},
			{"it moved again", func() { nodes.Move("c0") }},
			{"a replica took over", func() { nodes.Failover("c0") }},
			{"a master was killed", func() { nodes.Owner("c0").Kill(); nodes.Owner("c0") }},
			{"it came back", nodes.Revive},
			{"a master was frozen", func() { nodes.Owner("c0").Stop(); nodes.Owner("c0") }},
			{"it came back", nodes.Revive},
		} {
			before := h.gapCount()
			change.run()
			began := time.Now()
			expectHeard(t, client, h, "c0")
			took := time.Since(began)
			hear()
			expectWhole(t, s, true)
			gaps := h.gapCount() - before
			t.Logf("%s: whole %s after the cluster, %d gaps", change.what, took, gaps)
			if gaps == 0 && change.what != "it came back" {
				t.Errorf("%s, and there is no gap", change.what)
			}
			if took > 10*time.Second { // 5 on a machine that does nothing else
				t.Errorf("%s: whole after %s", change.what, took)
			}
		}
	}
	for _, channel := range channels[1:] {
		s.remove(channel)
	}
	eventually(t, "connections to other nodes end", func() (bool, any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		lanes := 0
		for _, n := range s.hosts {
			if n.lane != nil {
				lanes++
			}
		}
		return lanes == 1, lanes
	})
	expectHeard(t, client, h, "c0")
}
