package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/broadcast"
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

// The log's script publishes on a sharded channel, which the node allows because the
// channel is in the slot of the log's keys. Both move together.
func TestAShardedRoomLogMovesWithItsChannel(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	channel := broadcast.Channel("socket.io", "/", "")
	log := broadcast.NewLog(dial(t, nodes.URL), broadcast.LogOptions{Channel: channel, Sharded: true})
	s, h := listenSharded(t, nodes.URL, 500*time.Millisecond, channel)
	origin, count := broadcast.NewName(), uint64(0)
	var head broadcast.Head
	write := func() {
		t.Helper()
		count++
		eventually(t, "an event is in the log", func() (bool, any) {
			next, _, err := log.Append(t.Context(), origin, head, broadcast.Entry{
				Count: count, Channel: channel, Payload: []byte("\x94event"), Form: broadcast.Array,
			})
			if err == nil {
				head = next
			}
			return err == nil, err
		})
	}
	for _, change := range []func(){func() {}, func() { nodes.Move(channel) }, func() { nodes.Failover(channel) }} {
		change()
		before := len(h.of(channel))
		eventually(t, "events are heard where the channel is now", func() (bool, any) {
			write()
			works, _ := s.status(&Status{})
			return works && len(h.of(channel)) > before, works
		})
	}
	if head.Number != head.Start+count {
		t.Errorf("%d events are in the log; want %d", head.Number-head.Start, count)
	}
	var last broadcast.Tail
	for _, message := range h.of(channel) {
		tail, ok := broadcast.ParseTail(message)
		if !ok || tail.Number != head.Start+tail.Count || tail.Count <= last.Count {
			t.Errorf("heard %+v after %+v", tail, last)
		}
		last = tail
	}
}
