package socketio

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wire connects servers of one process as an Adapter would connect containers.
type wire struct {
	mu    sync.Mutex
	buses []*wireBus
}

type wireBus struct {
	wire   *wire
	local  Local
	sent   []Broadcast
	fail   error
	closed bool
}

func (w *wire) Open(ns Local) (Bus, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bus := &wireBus{wire: w, local: ns}
	w.buses = append(w.buses, bus)
	return bus, nil
}

func (b *wireBus) Publish(broadcast Broadcast) error {
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	b.sent = append(b.sent, broadcast)
	for _, other := range b.wire.buses {
		if other != b && other.local.Name() == b.local.Name() {
			other.local.Deliver(broadcast)
		}
	}
	return b.fail
}

func (b *wireBus) Close() error {
	b.wire.mu.Lock()
	defer b.wire.mu.Unlock()
	b.closed = true
	return b.fail
}

func (b *wireBus) Size(context.Context) (int, error) { return len(b.wire.buses), b.fail }

func TestBroadcastsReachSocketsOfOtherServers(t *testing.T) {
	t.Parallel()
	w := new(wire)
	here, hereURL := serve(t, Options{Adapter: w}, rooms)
	_, thereURL := serve(t, Options{Adapter: w}, rooms)
	near := join(t, hereURL, "/").joinRooms("r")
	far := join(t, thereURL, "/").joinRooms("r")
	ns := here.Of("/")
	ok(t, ns.To("r").Emit("to the room", 1))
	ok(t, ns.Local().To("r").Emit("local"))
	ok(t, ns.To(far.id).Emit("by id", []byte("x")))
	ok(t, ns.Except(near.id).Volatile().Emit("except"))
	near.want(`2["to the room",1]`, `2["local"]`)
	near.ping()
	far.want(`2["to the room",1]`, `51-["by id",{"_placeholder":true,"num":0}]`, "binary:x", `2["except"]`)
	far.ping()
	if n, err := ns.Size(t.Context()); n != 2 || err != nil {
		t.Errorf("Size = %d, %v", n, err)
	}
	want := []Broadcast{
		{Packet: Packet{Type: EventPacket, Namespace: "/", Data: []byte(`["to the room",1]`)}, Rooms: []string{"r"}},
		{Packet: Packet{Type: EventPacket, Namespace: "/", Data: []byte(`["by id",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{[]byte("x")}}, Rooms: []string{far.id}},
		{Packet: Packet{Type: EventPacket, Namespace: "/", Data: []byte(`["except"]`)}, Except: []string{near.id}, Flags: Flags{Volatile: true}},
	}
	if diff := cmp.Diff(want, w.buses[0].sent); diff != "" {
		t.Errorf("published: %s", diff)
	}
}

func TestLocalSocketsAreServedWhenOthersCannotBe(t *testing.T) {
	t.Parallel()
	w := new(wire)
	srv, web := start(Options{Adapter: w}, rooms)
	defer web.Close()
	w.buses[0].fail = errors.New("no connection")
	p := join(t, web.URL, "/")
	if err := srv.Of("/").Emit("e"); !errors.Is(err, w.buses[0].fail) {
		t.Errorf("Emit = %v, want the adapter's error", err)
	}
	p.want(`2["e"]`)
	if err := srv.Shutdown(t.Context(), 0); !errors.Is(err, w.buses[0].fail) || !w.buses[0].closed {
		t.Errorf("Shutdown = %v, closed %t", err, w.buses[0].closed)
	}
}

type refusing struct{}

func (refusing) Open(Local) (Bus, error) { return nil, errors.New("name already taken") }

func TestANamespaceThatTheAdapterRefusesWorksAlone(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	srv, url := serve(t, Options{Adapter: refusing{}, Logger: slog.New(slog.NewTextHandler(&log, nil))}, rooms)
	p := join(t, url, "/")
	if err := srv.Of("/").Emit("e"); err != nil {
		t.Error(err)
	}
	p.want(`2["e"]`)
	if n, err := srv.Of("/").Size(t.Context()); n != 1 || err != nil {
		t.Errorf("Size = %d, %v", n, err)
	}
	if !bytes.Contains([]byte(log.String()), []byte("name already taken")) {
		t.Errorf("log is %s", log.String())
	}
}

func TestABroadcastThatClientsWouldRefuseIsDropped(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, rooms)
	p := join(t, url, "/")
	for _, packet := range []Packet{
		{Type: EventPacket, Data: []byte("[\"\xff\"]")},
		{Type: EventPacket, Data: []byte(`["a"]`), Attachments: make([][]byte, 11)},
		{Type: EventPacket, Data: []byte(`[]`)},
		{Type: EventPacket, Data: []byte(`[{}]`)},
		{Type: EventPacket, Data: []byte(`["connect_error"]`)},
	} {
		srv.Of("/").Deliver(Broadcast{Packet: packet})
		asked := make(chan Reply, 1)
		srv.Of("/").Answer(Question{Kind: AskClients, Event: packet}, func(r Reply) { asked <- r })
		if r := receive(t, asked); r.Clients != 0 || r.Answer != nil {
			t.Errorf("%s was sent to %d clients for an answer", packet.Data, r.Clients)
		}
	}
	p.ping()
}
