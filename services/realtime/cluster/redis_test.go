package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// local is a namespace that keeps what it was to deliver.
type local struct {
	name  string
	rooms []string

	mu        sync.Mutex
	delivered []socketio.Broadcast
}

func (l *local) Name() string             { return l.name }
func (l *local) HasRoom(room string) bool { return slices.Contains(l.rooms, room) }
func (l *local) Rooms() []string          { return l.rooms }
func (l *local) Obey(socketio.Order)      {}

func (l *local) Answer(q socketio.Question, reply func(socketio.Reply)) {}

func (l *local) Deliver(b socketio.Broadcast) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered = append(l.delivered, b)
}

// texts are the data of what was delivered.
func (l *local) texts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, b := range l.delivered {
		out = append(out, string(b.Packet.Data))
	}
	return out
}

func (l *local) expect(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, "delivered to "+l.name, func() (bool, any) {
		got := l.texts()
		return slices.Equal(got, want), got
	})
}

// patient makes a container wait for a machine that stands still for a while, in tests
// that are not about that.
func patient(address string) (string, Options) {
	return address + "?read_timeout=20s&write_timeout=20s&dial_timeout=20s", Options{Quiet: 20 * time.Second}
}

// node is one container on the bus.
type node struct {
	*Redis
	local
	bus  socketio.Bus
	stop func()
	gaps chan Gap
}

// join starts a container and opens its namespace; it waits for Redis unless alone.
func join(t *testing.T, address string, opts Options, name string, rooms ...string) *node {
	t.Helper()
	n := enter(t, address, opts, name, rooms...)
	n.expectConnected(t, true)
	return n
}

func enter(t *testing.T, address string, opts Options, name string, rooms ...string) *node {
	t.Helper()
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	n := &node{local: local{name: name, rooms: rooms}, gaps: make(chan Gap, 100)}
	opts.OnGap = func(g Gap) { n.gaps <- g }
	n.Redis = NewRedis(publish, subscribe, opts, testLog(t))
	n.stop = start(t, n.Run)
	if n.bus, err = n.Open(&n.local); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) expectConnected(t *testing.T, want bool) (took time.Duration) {
	t.Helper()
	began := time.Now()
	eventually(t, fmt.Sprintf("connected = %t", want), func() (bool, any) {
		s := n.Status()
		return s.Connected == want, s
	})
	return time.Since(began)
}

// expectStatus waits for figures: Redis confirms a message after others have it.
func (n *node) expectStatus(t *testing.T, what string, check func(Status) bool) {
	t.Helper()
	eventually(t, what, func() (bool, any) {
		s := n.Status()
		return check(s), s
	})
}

func (n *node) emit(t *testing.T, data string, rooms ...string) {
	t.Helper()
	if err := n.bus.Publish(socketio.Broadcast{Packet: event(data), Rooms: rooms}); err != nil {
		t.Error(err)
	}
}

func TestABroadcastReachesTheOthersRooms(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r", "s")
		b := join(t, address, opts, "/", "r", "s")
		c := join(t, address, opts, "/", "t")
		admin := join(t, address, opts, "/admin", "r")
		a.emit(t, `["one"]`, "r")
		a.emit(t, `["two"]`, "t")
		a.emit(t, `["three"]`, "r", "s")
		sent := socketio.Broadcast{
			Packet: event(`["four",{"b":1.5,"a":{"_placeholder":true,"num":0}}]`, []byte{0, 255}),
			Except: []string{"r"}, Flags: socketio.Flags{Volatile: true},
		}
		if err := a.bus.Publish(sent); err != nil {
			t.Fatal(err)
		}
		b.expect(t, `["one"]`, `["three"]`, string(sent.Packet.Data))
		c.expect(t, `["two"]`, `["three"]`, string(sent.Packet.Data)) // it has no such room and delivers to nobody
		if diff := cmp.Diff(sent, b.delivered[2], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("broadcast (-want +got):\n%s", diff)
		}
		if got := c.Status().Received; got != 3 {
			t.Errorf("a container without the room decoded %d messages, want 3", got)
		}
		a.expect(t)
		admin.expect(t)
		a.expectStatus(t, "four published", func(s Status) bool { return s.Published == 4 && s.Dropped == 0 })
	})
}

func TestANamespaceIsSubscribedToOncePerContainer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		client := dial(t, address)
		a := join(t, address, Options{}, "/")
		b := join(t, address, Options{}, "/")
		other := &local{name: "/a[b]*"}
		bus, err := b.Open(other)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(&local{name: "/"}); err == nil {
			t.Error("a namespace was opened twice")
		}
		size := func(bus socketio.Bus, want int) {
			t.Helper()
			eventually(t, "size", func() (bool, any) {
				n, err := bus.Size(t.Context())
				return err == nil && n == want, n
			})
		}
		size(a.bus, 2)
		size(bus, 1)
		eventually(t, "two channels for each namespace and one for each container in it", func() (bool, any) {
			channels, err := client.PubSubChannels(t.Context(), "*").Result()
			return err == nil && len(channels) == 4+3, channels
		})
		patterns := int64(2) // the namespaces; miniredis counts the subscribers of each
		if strings.HasSuffix(t.Name(), "/miniredis") {
			patterns = 3
		}
		eventually(t, "a pattern for each namespace", func() (bool, any) {
			n, err := client.PubSubNumPat(t.Context()).Result()
			return err == nil && n == patterns, n
		})
		// The characters of a pattern are characters.
		c := join(t, address, Options{}, other.name)
		c.emit(t, `["hi"]`)
		other.expect(t, `["hi"]`)
		c.stop()
		size(bus, 1)
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
		eventually(t, "the other namespace is left", func() (bool, any) {
			n, err := client.PubSubNumPat(t.Context()).Result()
			return err == nil && n == patterns-1, n
		})
		size(a.bus, 2)
		a.emit(t, `["still"]`)
		b.expect(t, `["still"]`)
		b.stop()
		size(a.bus, 1)
		if got := b.Status().Malformed; got != 0 {
			t.Errorf("%d malformed messages", got)
		}
	})
}

func TestMessagesKeepTheirOrderAndNoneIsLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		const each = 3000
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		var want []string
		for i := range each {
			want = append(want, fmt.Sprintf(`["n",%d]`, i))
			room := []string{"r"}
			if i%3 == 0 {
				room = nil
			}
			a.emit(t, want[i], room...)
		}
		if err := a.bus.Close(); err != nil { // sends what is queued
			t.Error(err)
		}
		if got := a.Status().Published; got != each {
			t.Errorf("published %d before Close returned; want %d", got, each)
		}
		eventually(t, "all messages", func() (bool, any) {
			got := len(b.texts())
			return got == each, got
		})
		if diff := cmp.Diff(want, b.texts()); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestMalformedMessagesAreCountedAndHarmless(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		client := dial(t, address)
		a := join(t, address, Options{}, "/", "r")
		for channel, payloads := range map[string][]string{
			"socket.io#/#":          {"", "\x93", "\x93\xa1x\x01\x80", strings.Repeat("\x91", 100_000)},
			"socket.io-request#/#":  {"", "\x80", "{", `{"type":"x"}`, `{"type":99}`, `{"type":5}`, `{"type":4,"rooms":[{}]}`},
			"socket.io-response#/#": {"", "{", "\x80"},
		} {
			for _, payload := range payloads {
				if err := client.Publish(t.Context(), channel, payload).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		b := join(t, address, Options{}, "/")
		b.emit(t, `["after"]`, "r")
		a.expect(t, `["after"]`)
		if got := a.Status().Malformed; got != 4+4 {
			t.Errorf("malformed = %d; want 8", got)
		}
	})
}

func TestPublishRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Server(t).URL, Options{Queue: 100}, "/")
	for _, data := range []string{`["x"`, `[{"_placeholder":true,"num":1}]`} {
		err := a.bus.Publish(socketio.Broadcast{Packet: event(data, []byte{1})})
		if err == nil || errors.Is(err, ErrAlone) {
			t.Errorf("Publish(%s) = %v; want a syntax error", data, err)
		}
	}
	long, err := json.Marshal([]string{strings.Repeat("x", 200)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.bus.Publish(socketio.Broadcast{Packet: event(string(long))}); !errors.Is(err, ErrAlone) {
		t.Errorf("Publish beyond the queue = %v; want %v", err, ErrAlone)
	}
	if s := a.Status(); !s.Connected || s.Dropped != 1 {
		t.Errorf("status = %+v; want connected and one dropped", s)
	}
	a.stop()
	if err := a.bus.Publish(socketio.Broadcast{Packet: event(`["x"]`)}); !errors.Is(err, ErrClosed) {
		t.Errorf("Publish after the end = %v; want %v", err, ErrClosed)
	}
	if err := a.bus.Close(); err != nil {
		t.Error(err)
	}
}

func TestStatusCountsContainers(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a := enter(t, address, Options{}, "/")
	if s := a.Status(); s.Containers != 1 {
		t.Errorf("alone: %+v", s)
	}
	a.expectConnected(t, true)
	b := join(t, address, Options{}, "/")
	n, err := b.bus.Size(context.Background())
	if err != nil || n != 2 {
		t.Errorf("Size = %d, %v; want 2", n, err)
	}
	eventually(t, "two containers", func() (bool, any) {
		s := a.Status()
		return s.Containers == 2, s
	})
}
