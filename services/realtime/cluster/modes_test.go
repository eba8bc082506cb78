package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// flood has each container append numbered events to a room, one every few
// milliseconds, until the returned function is called. That waits until each has all
// events of all, and fails when one comes twice, or before an earlier one.
func flood(t *testing.T, containers ...*node) (finish func()) {
	t.Helper()
	sent := make([]int, len(containers))
	var stops []func()
	for k, n := range containers {
		stops = append(stops, start(t, func(ctx context.Context) { // ends with finish or the test
			for sleep(ctx, 3*time.Millisecond) {
				n.append(t, fmt.Sprintf(`["%c",%d]`, 'a'+k, sent[k]), "r")
				sent[k]++
			}
		}))
	}
	return func() {
		t.Helper()
		for _, stop := range stops {
			stop()
		}
		for k, n := range containers {
			eventually(t, fmt.Sprintf("container %d has all events", k), func() (bool, any) {
				got := counts(t, n, len(containers))
				for from, numbers := range got {
					if len(numbers) < sent[from] {
						return false, fmt.Sprintf("%d of %d of container %d", len(numbers), sent[from], from)
					}
				}
				return true, nil
			})
			for from, numbers := range counts(t, n, len(containers)) {
				for i, number := range numbers {
					if number != i {
						t.Errorf("container %d got event %d of container %d in place of %d", k, number, from, i)
						break
					}
				}
			}
		}
		t.Logf("%d events, each once and in order", sent)
	}
}

// counts are the numbers that a container delivered, by who sent them.
func counts(t *testing.T, n *node, senders int) [][]int {
	t.Helper()
	found := make([][]int, senders)
	for _, text := range n.texts() {
		var sender string
		var number int
		if err := json.Unmarshal([]byte(text), &[]any{&sender, &number}); err != nil {
			t.Fatalf("delivered %s: %v", text, err)
		}
		from := int(sender[0] - 'a')
		found[from] = append(found[from], number)
	}
	return found
}

// The keys of a room log are in one slot. It moves, its master hands over, dies or
// freezes: what was appended arrives, since a container writes again what a replica that
// took over has not got.
func TestTheRoomLogOutlivesTheNodesOfItsSlot(t *testing.T) {
	t.Parallel()
	const key = "socket.io#/#"
	nodes := redistest.Cluster(t)
	opts := Options{Quiet: 500 * time.Millisecond}
	a, b := join(t, nodes.URL, opts, "/", "r"), join(t, nodes.URL, opts, "/", "r")
	finish := flood(t, a, b)
	for range rounds() {
		for _, change := range []struct {
			what string
			run  func()
		}{
			{"a slot moves", func() { nodes.Move(key, func() { flows(t, a, b) }, func() { flows(t, a, b) }) }},
			{"a replica takes over", func() { nodes.Failover(key) }},
			{"a master is killed", func() { nodes.Owner(key).Kill(); nodes.Owner(key) }},
			{"it comes back", nodes.Revive},
			{"a master is frozen", func() { nodes.Owner(key).Stop(); nodes.Owner(key) }},
			{"it comes back", nodes.Revive},
		} {
			change.run()
			began := time.Now()
			caughtUp(t, a, b)
			t.Logf("%s: events flow %s after the cluster", change.what, time.Since(began))
		}
	}
	finish()
	for _, n := range []*node{a, b} {
		s := n.Status()
		t.Logf("filled %d, alone %d, epochs %d, lost %d", s.Filled, s.Alone, s.Epochs, s.Lost)
		if s.Lost != 0 {
			t.Errorf("the log could not give %d times what was missed", s.Lost)
		}
	}
}

// rounds is how often tests of a cluster do everything: more often in a soak.
func rounds() int {
	if os.Getenv("VEGAS_SOAK") != "" {
		return 10
	}
	return 1
}

// flows waits until each container's own players hear its next event, at the latest
// after the time for which it waits for the log.
func flows(t *testing.T, containers ...*node) {
	t.Helper()
	for _, n := range containers {
		before := len(n.texts())
		eventually(t, "the players here hear events", func() (bool, any) {
			now := len(n.texts())
			return now > before, now
		})
	}
}

// caughtUp waits until each container has delivered a later event of each other.
func caughtUp(t *testing.T, containers ...*node) {
	t.Helper()
	for k, n := range containers {
		before := counts(t, n, len(containers))
		eventually(t, fmt.Sprintf("container %d hears the others", k), func() (bool, any) {
			now := counts(t, n, len(containers))
			for from := range now {
				if len(now[from]) == len(before[from]) {
					return false, from
				}
			}
			return true, nil
		})
	}
}

// avoiding starts a container that listens over another node of the cluster than is
// named.
func avoiding(t *testing.T, url, address string, opts Options) *node {
	t.Helper()
	publish, subscribe, err := redisconn.OpenPair(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	n := &node{local: local{name: "/", rooms: []string{"r"}}, gaps: make(chan Gap, 100)}
	opts.OnGap = func(g Gap) { n.gaps <- g }
	n.Redis = NewRedis(publish, subscribe, opts, testLog(t))
	n.subscriber.route.failed, n.publisher.route.failed = address, address
	n.stop = start(t, n.Run)
	if n.bus, err = n.Open(&n.local); err != nil {
		t.Fatal(err)
	}
	n.expectConnected(t, true)
	return n
}

// What is in no log goes over any node: whose node dies takes another at once.
func TestBroadcastsCrossTheNodesOfACluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	opts := Options{Quiet: 500 * time.Millisecond}
	home := nodes.Owner(homeKey)
	a, b := join(t, nodes.URL, opts, "/", "r"), avoiding(t, nodes.URL, home.Addr, opts)
	for _, n := range []*node{a, b} {
		eventually(t, "both are counted, on whatever node", func() (bool, any) {
			size, err := n.bus.Size(t.Context())
			return size == 2 && err == nil, fmt.Sprint(size, err)
		})
	}
	var want []string
	for i := range 500 { // to the namespace and to a room: two slots, one order
		want = append(want, fmt.Sprintf(`["x",%d]`, i))
		a.emit(t, want[i], []string{"r"}[i%2:]...)
	}
	b.expect(t, want...)

	home.Kill()
	for _, from := range []*node{a, b} {
		to := map[*node]*node{a: b, b: a}[from]
		began := time.Now()
		eventually(t, "events cross", func() (bool, any) {
			_ = from.bus.Publish(socketio.Broadcast{Packet: event(`["after"]`), Rooms: []string{"r"}}) // refused while no node takes it
			return slices.Contains(to.texts(), `["after"]`), nil
		})
		t.Logf("after %s", time.Since(began))
	}
	if g := a.gap(t); g.Reason == "" {
		t.Errorf("gap = %+v", g)
	}
	if len(b.gaps) != 0 {
		t.Error("a gap where nothing was lost")
	}
}

// Slots that move are in TestPresenceOnARedisCluster.
func TestPresenceOutlivesAMasterOfACluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	var told news
	a, _ := container(t, nodes.URL, PresenceOptions{}, &told)
	b, _ := container(t, nodes.URL, PresenceOptions{}, &told)
	const rooms = 40 // in all nodes' slots
	for i := range rooms {
		a.Join(fmt.Sprint("r", i), "p1", "Ada")
		b.Join(fmt.Sprint("r", i), "p2", "Bob")
	}
	check := func(what string) {
		t.Helper()
		began := time.Now()
		for i := range rooms {
			expectMembers(t, a, fmt.Sprint("r", i), "p1", "p2")
			expectMembers(t, b, fmt.Sprint("r", i), "p1", "p2")
		}
		t.Logf("%s: complete after %s", what, time.Since(began))
	}
	check("at first")
	nodes.Owner(a.key("r0")).Kill()
	nodes.Owner(a.key("r0"))
	check("a master was killed")
	b.Leave("r0", "p2")
	expectMembers(t, a, "r0", "p1")
	eventually(t, "the cluster is counted", func() (bool, any) {
		got := a.Cluster()
		return got.Containers == 2 && got.Rooms == rooms, got
	})
	if diff := cmp.Diff(map[string]int{"+p1": 1, "+p2": 1}, told.heard("r1")); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestAContainerFollowsTheMasterThatSentinelsName(t *testing.T) {
	t.Parallel()
	guarded := redistest.Sentinel(t)
	opts := Options{Quiet: 500 * time.Millisecond}
	a, b := join(t, guarded.URL, opts, "/", "r"), join(t, guarded.URL, opts, "/", "r")
	finish := flood(t, a, b)
	caughtUp(t, a, b)
	guarded.Master().Kill()
	guarded.Master()
	began := time.Now()
	caughtUp(t, a, b)
	t.Logf("events flow %s after the Sentinels", time.Since(began))
	finish()
	if size, err := a.bus.Size(t.Context()); size != 2 || err != nil {
		t.Errorf("Size = %d, %v", size, err)
	}
}
