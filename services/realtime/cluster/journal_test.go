package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redistest"
)

// journal is that of the container's namespace.
func (n *node) journal() *journal { return n.bus.(*bus).journal }

func (n *node) append(t *testing.T, data string, rooms ...string) {
	t.Helper()
	if err := n.journal().Append(socketio.Broadcast{Packet: event(data), Rooms: rooms}); err != nil {
		t.Error(err)
	}
}

// offsets of what was delivered.
func (l *local) offsets() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, b := range l.delivered {
		out = append(out, b.Offset)
	}
	return out
}

func TestEveryContainerDeliversTheLogInOneOrder(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		opts.Hold = patience
		a := join(t, address, opts, "/", "r", "s")
		b := join(t, address, opts, "/", "r")
		c := join(t, address, opts, "/", "t")
		const each = 500
		done := make(chan struct{})
		go func() { // ends with its loop
			defer close(done)
			for i := range each {
				b.append(t, fmt.Sprintf(`["b",%d]`, i), "r")
			}
		}()
		for i := range each {
			room := [][]string{{"r"}, {"r", "s", "r"}, nil, {"t"}, {"nobody"}}[i%5]
			a.append(t, fmt.Sprintf(`["a",%d]`, i), room...)
		}
		<-done
		const heard = each + each/5*3
		eventually(t, "all in the room", func() (bool, any) {
			return len(a.texts()) == heard && len(b.texts()) == heard, []int{len(a.texts()), len(b.texts())}
		})
		if diff := cmp.Diff(a.texts(), b.texts()); diff != "" {
			t.Errorf("order (-one +other):\n%s", diff)
		}
		if diff := cmp.Diff(a.offsets(), b.offsets()); diff != "" {
			t.Errorf("offsets (-one +other):\n%s", diff)
		}
		last := offset{}
		for _, text := range a.offsets() {
			o, ok := parseOffset(text)
			if !ok || o.number <= last.number || o.epoch != a.journal().head.Epoch {
				t.Fatalf("offset %s after %+v", text, last)
			}
			last = o
		}
		eventually(t, "the container without the room", func() (bool, any) {
			return len(c.texts()) == each/5*3, len(c.texts()) // two rooms and none are looked at by the namespace
		})
		eventually(t, "all know where the log is", func() (bool, any) {
			at := a.journal().Position()
			return at == b.journal().Position() && at == c.journal().Position(), at
		})
		a.expectStatus(t, "all logged", func(s Status) bool { return s.Logged == each && s.Filled == 0 && s.Alone == 0 && s.Lost == 0 })
	})
}

func TestBroadcastsKeepTheirBytesAndExceptions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		sent := socketio.Broadcast{
			Packet: event(`["x",{"b":1.50,"a":{"_placeholder":true,"num":0}}]`, []byte{0, 255}),
			Rooms:  []string{"r"}, Except: []string{"e"},
		}
		if err := a.journal().Append(sent); err != nil {
			t.Fatal(err)
		}
		clear(sent.Packet.Attachments[0]) // Append has its own copy
		sent.Packet.Attachments = [][]byte{{0, 255}}
		a.expect(t, string(sent.Packet.Data))
		b.expect(t, `["x",{"b":1.5,"a":{"_placeholder":true,"num":0}}]`)
		for _, n := range []*node{a, b} {
			got := n.delivered[0]
			if !slices.Equal(got.Except, sent.Except) || !cmp.Equal(got.Packet.Attachments, sent.Packet.Attachments) {
				t.Errorf("delivered %+v", got)
			}
		}
	})
}

func TestAppendRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	a := join(t, redistest.Server(t).URL, Options{Queue: 1000}, "/", "r")
	if err := a.journal().Append(socketio.Broadcast{Packet: event(`["x"`)}); err == nil || errors.Is(err, ErrAlone) {
		t.Errorf("Append of half an array = %v", err)
	}
	a.append(t, `["one"]`, "r")
	long := `["` + strings.Repeat("x", 900) + `"]`
	if err := a.journal().Append(socketio.Broadcast{Packet: event(long), Rooms: []string{"r"}}); !errors.Is(err, ErrAlone) {
		t.Errorf("Append beyond the queue = %v", err)
	}
	a.append(t, `["two"]`, "r")
	eventually(t, "all delivered here in order", func() (bool, any) {
		got := a.texts()
		return slices.Equal(got, []string{`["one"]`, long, `["two"]`}), got
	})
	a.expectStatus(t, "one was not logged", func(s Status) bool { return s.Dropped == 1 && s.Logged == 2 })
	if err := a.bus.Close(); err != nil {
		t.Error(err)
	}
	if err := a.journal().Append(socketio.Broadcast{Packet: event(`["x"]`)}); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after the end = %v", err)
	}
}

func TestAContainerBeginsWhereTheLogIs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		a := join(t, address, Options{}, "/", "r")
		if got := enter(t, "redis://127.0.0.1:1", Options{}, "/").journal().Position(); got != nowhere {
			t.Errorf("without Redis the position is %s", got)
		}
		a.append(t, `["before"]`, "r")
		a.expect(t, `["before"]`)
		b := join(t, address, Options{}, "/", "r")
		eventually(t, "the position", func() (bool, any) {
			at := b.journal().Position()
			return at == a.journal().Position(), at
		})
		a.append(t, `["after"]`, "r")
		b.expect(t, `["after"]`)
	})
}
