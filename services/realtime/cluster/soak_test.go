package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// arena is a namespace with many sockets in one room, each of which counts what it gets
// from every sender.
type arena struct {
	socketio.Local // what is not asked of it

	mu         sync.Mutex
	last       []map[string]int // of each socket: the latest number by sender
	deliveries int
	doubled    int
	skipped    int // numbers that had not come when a later one did
}

func newArena(sockets int) *arena {
	c := &arena{}
	for range sockets {
		c.last = append(c.last, map[string]int{})
	}
	return c
}

func (c *arena) Name() string             { return "/" }
func (c *arena) HasRoom(room string) bool { return room == "r" }
func (c *arena) Rooms() []string          { return []string{"r"} }
func (c *arena) Deliver(b socketio.Broadcast) {
	var data struct {
		From   string
		Number int
	}
	var args []json.RawMessage
	if json.Unmarshal(b.Packet.Data, &args) != nil || json.Unmarshal(args[1], &data) != nil || b.Offset == "" {
		panic(fmt.Sprintf("delivered %s at %q", b.Packet.Data, b.Offset))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, last := range c.last {
		c.deliveries++
		switch was := last[data.From]; {
		case data.Number <= was:
			c.doubled++
		default:
			c.skipped += data.Number - was - 1
			last[data.From] = data.Number
		}
	}
}

// failure is a way in which Redis fails for a while.
type failure struct {
	name string
	run  func(t *testing.T, s *soak)
}

type soak struct {
	server *redistest.Instance
	net    *proxy       // of the second container
	deaf   atomic.Int64 // messages that the second container is not to hear
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

var drops = []failure{
	{"messages lost on the way", func(_ *testing.T, s *soak) { s.deaf.Store(5) }},
	{"subscriptions cut", func(t *testing.T, s *soak) { command(t, s.server, "CLIENT", "KILL", "TYPE", "pubsub") }},
	{"killed without its data", func(t *testing.T, s *soak) {
		s.server.Kill()
		pause(t, 300*time.Millisecond)
		s.server.Start()
	}},
	{"frozen", func(t *testing.T, s *soak) {
		s.server.Stop()
		pause(t, 3*time.Second)
		s.server.Cont()
	}},
	{"emptied", func(t *testing.T, s *soak) { command(t, s.server, "FLUSHALL") }},
	{"one container cut off", func(t *testing.T, s *soak) {
		s.net.set(true)
		pause(t, 4*time.Second)
		s.net.set(false)
	}},
	{"all connections cut", func(t *testing.T, s *soak) {
		command(t, s.server, "CLIENT", "KILL", "TYPE", "normal")
		command(t, s.server, "CLIENT", "KILL", "TYPE", "pubsub")
	}},
	{"away for longer than events are held", func(t *testing.T, s *soak) {
		s.server.Kill()
		pause(t, 3*time.Second)
		s.server.Start()
	}},
}

func command(t *testing.T, server *redistest.Instance, args ...any) {
	t.Helper()
	client, err := redisconn.Open(server.URL + "?read_timeout=10s")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

// surviveDrops has two containers of 500 sockets emit to each other while Redis fails.
func surviveDrops(t *testing.T, broadcasts int, every time.Duration, drops []failure) {
	s := &soak{server: redistest.Server(t)}
	s.net = newProxy(t, s.server.URL)
	const sockets = 500
	var nodes []*Redis
	var arenas []*arena
	var buses []*bus
	for _, url := range []string{s.server.URL, s.net.url()} {
		publish, subscribe, err := redisconn.OpenPair(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
		r := NewRedis(publish, subscribe, Options{}, testLog(t))
		start(t, r.Run)
		c := newArena(sockets)
		b, err := r.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		nodes, arenas, buses = append(nodes, r), append(arenas, c), append(buses, b.(*bus))
		eventually(t, "connected", func() (bool, any) { return r.Status().Connected && b.(*bus).Position() != nowhere, nil })
	}
	hear := nodes[1].subscriber
	hear.mu.Lock()
	hear.patterns[buses[1].pattern] = func(channel, payload string) {
		if s.deaf.Add(-1) < 0 {
			buses[1].onBroadcast(channel, payload)
		}
	}
	hear.mu.Unlock()
	var emitting sync.WaitGroup
	emitting.Go(func() { // ends with the last broadcast
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range broadcasts {
			from := i % 2
			data := fmt.Sprintf(`["n",{"from":"%d","number":%d}]`, from, i/2+1)
			if err := buses[from].Append(socketio.Broadcast{Packet: event(data), Rooms: []string{"r"}}); err != nil {
				t.Errorf("append: %v", err)
			}
			<-tick.C
		}
	})
	total := time.Duration(broadcasts) * every
	for i, d := range drops {
		pause(t, total/time.Duration(2*len(drops)+1))
		t.Logf("drop %d: %s", i+1, d.name)
		d.run(t, s)
	}
	emitting.Wait()
	for i, c := range arenas {
		eventually(t, "all is delivered", func() (bool, any) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.deliveries-c.doubled == broadcasts*sockets, []int{c.deliveries, c.doubled, c.skipped}
		})
		c.mu.Lock()
		t.Logf("container %d: %d deliveries, %d doubled, %d skipped; %+v", i, c.deliveries, c.doubled, c.skipped, nodes[i].Status())
		if c.doubled != 0 || c.skipped != 0 || c.deliveries != broadcasts*sockets {
			t.Errorf("container %d: %d of %d deliveries, %d doubled, %d lost or out of order", i, c.deliveries, broadcasts*sockets, c.doubled, c.skipped)
		}
		c.mu.Unlock()
	}
}

func TestDropsOfRedisLoseNothing(t *testing.T) {
	t.Parallel()
	if os.Getenv("VEGAS_SOAK") == "" {
		surviveDrops(t, 100, 50*time.Millisecond, drops[:4])
		return
	}
	all := append(append([]failure{}, drops...), drops[:2]...)
	surviveDrops(t, 1000, 60*time.Millisecond, all)
}
