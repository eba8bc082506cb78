package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// mixed is a cluster of one Node server and one of ours, each with a client of its own
// in room "r".
type mixed struct {
	url           string // of Redis
	ours          *socketio.Server
	node, clients *script
	adapter       *Redis
	onNode, onUs  string // ids of the clients "n" and "g"
}

func mix(t *testing.T) *mixed {
	t.Helper()
	m := &mixed{url: redistest.Server(t).URL}
	m.serve(t)
	m.node = run(t, "server.mjs", m.url)
	listening := m.node.wait(t, "the Node server listens", func(l line) bool { return l.On == "listening" })
	m.onNode = m.clients.connect(t, "n", fmt.Sprint("http://127.0.0.1:", listening.Port))
	m.clients.join(t, "n", "r")
	eventually(t, "both servers count two", func() (bool, any) {
		s, count := m.adapter.Status(), string(m.node.must(t, map[string]any{"do": "count"}))
		return s.Connected && s.Containers == 2 && count == "2", s
	})
	return m
}

// serve starts our server with its client.
func (m *mixed) serve(t *testing.T) {
	t.Helper()
	publish, subscribe, err := redisconn.OpenPair(m.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	m.adapter = NewRedis(publish, subscribe, Options{}, testLog(t))
	start(t, m.adapter.Run)
	m.ours = socketio.New(socketio.Options{Adapter: m.adapter, Logger: testLog(t)})
	m.ours.Of("/").OnConnect(func(s *socketio.Socket) {
		s.SetData(map[string]any{"name": "Ada"})
		s.On("join", func(args socketio.Args, ack socketio.Ack) {
			var room string
			if err := args.Decode(&room); err != nil {
				t.Error(err)
			}
			s.Join(room)
			ack()
		})
	})
	server := httptest.NewServer(m.ours)
	t.Cleanup(func() {
		if err := m.ours.Shutdown(context.Background(), 0); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	m.clients = run(t, "client.mjs", "")
	m.onUs = m.clients.connect(t, "g", server.URL)
	m.clients.join(t, "g", "r")
}

func TestNodeHearsWhatWeEmit(t *testing.T) {
	t.Parallel()
	m := mix(t)
	ns := m.ours.Of("/")
	const ordered = `[{"z":1,"a":{"y":1.5,"b":null}},"ć 😀\u0001<>",[],-7,12345678901]`
	emit := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	emit(ns.To("r").EmitRaw("ordered", json.RawMessage(ordered)))
	emit(ns.Emit("bytes", []byte{1, 2, 3}, map[string]any{"in": socketio.Placeholder{Placeholder: true, Num: 0}}))
	emit(ns.To("r", "other").Emit("two rooms"))
	emit(ns.To("nobody").Emit("nobody hears this"))
	emit(ns.Except("r").Emit("nobody hears this"))
	emit(ns.To("r").Local().Emit("ours alone"))
	emit(ns.To(m.onNode).Emit("to one"))
	bytes := `bytes [{"$bin":"AQID"},{"in":{"$bin":"AQID"}}]`
	forNode := []string{"ordered " + ordered, bytes, "two rooms []", "to one []"}
	forUs := []string{"ordered " + ordered, bytes, "two rooms []", "ours alone []"}
	m.clients.heard(t, "n", forNode...)
	m.clients.heard(t, "g", forUs...)
	// A volatile event is dropped while the client is still being written to.
	emit(ns.To("r").Volatile().Emit("volatile"))
	m.clients.heard(t, "n", append(forNode, "volatile []")...)
	m.clients.heard(t, "g", append(forUs, "volatile []")...)
}

func TestWeHearWhatNodeEmits(t *testing.T) {
	t.Parallel()
	m := mix(t)
	args := []any{json.RawMessage(`{"z":1,"a":{"y":1.5,"b":null}}`), "ć 😀\u0001<>", []int{}, -7, 12345678901, map[string]string{"$bin": "AAH/"}}
	const text = `[{"z":1,"a":{"y":1.5,"b":null}},"ć 😀\u0001<>",[],-7,12345678901,{"$bin":"AAH/"}]`
	for _, command := range []map[string]any{
		{"rooms": []string{"r"}, "event": "room", "args": args},
		{"event": "all", "args": args},
		{"rooms": []string{"r", "other"}, "event": "two rooms"},
		{"rooms": []string{"nobody"}, "event": "nobody hears this"},
		{"except": []string{"r"}, "event": "nobody hears this"},
		{"flags": map[string]any{"local": true}, "event": "Node's alone"},
		{"rooms": []string{m.onUs}, "event": "to one"},
	} {
		command["do"] = "emit"
		m.node.must(t, command)
	}
	forUs := []string{"room " + text, "all " + text, "two rooms []", "to one []"}
	forNode := []string{"room " + text, "all " + text, "two rooms []", "Node's alone []"}
	m.clients.heard(t, "g", forUs...)
	m.clients.heard(t, "n", forNode...)
	m.node.must(t, map[string]any{"do": "emit", "flags": map[string]any{"volatile": true, "compress": true, "timeout": 500}, "event": "flags"})
	m.clients.heard(t, "g", append(forUs, "flags []")...)
	m.clients.heard(t, "n", append(forNode, "flags []")...)
}

func TestEmittersReachBothKindsOfServers(t *testing.T) {
	t.Parallel()
	m := mix(t)
	emitter := run(t, "emitter.mjs", m.url)
	emitter.wait(t, "the emitter is ready", func(l line) bool { return l.On == "ready" })
	emitter.must(t, map[string]any{"do": "emit", "rooms": []string{"r"}, "event": "theirs", "args": []any{1.5}})
	m.clients.heard(t, "n", "theirs [1.5]")
	m.clients.heard(t, "g", "theirs [1.5]")

	client := dial(t, m.url)
	ours := broadcast.New(client, broadcast.Options{})
	args := json.RawMessage(`[{"z":1,"a":[2]}]`)
	n, err := ours.Emit(t.Context(), broadcast.Message{Room: "r", Event: "ours", Args: args}, broadcast.Message{Event: "to all", Args: args})
	if err != nil || n != 2 {
		t.Fatalf("Emit = %d, %v", n, err)
	}
	for _, client := range []string{"n", "g"} {
		m.clients.heard(t, client, "theirs [1.5]", "ours "+string(args), "to all "+string(args))
	}
}

func TestNodeSeesOurSockets(t *testing.T) {
	t.Parallel()
	m := mix(t)
	list := func(command map[string]any) []string {
		t.Helper()
		var names []string
		if err := json.Unmarshal(m.node.must(t, command), &names); err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		return names
	}
	want := []string{"r", m.onNode, m.onUs}
	slices.Sort(want)
	if got := list(map[string]any{"do": "rooms"}); !slices.Equal(got, want) {
		t.Errorf("rooms = %v; want %v", got, want)
	}

	var found []socketDetails
	fetch := map[string]any{"do": "fetch", "rooms": []string{"r"}, "except": []string{m.onNode}}
	if err := json.Unmarshal(m.node.must(t, fetch), &found); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("fetched %+v; want one socket", found)
	}
	got := found[0]
	if got.ID != m.onUs || !slices.Equal(got.Rooms, names{room(m.onUs), "r"}) || string(got.Data) != `{"name":"Ada"}` {
		t.Errorf("fetched %+v", got)
	}
	h := got.Handshake
	if !slices.Equal(h.Query["EIO"], values{"4"}) || len(h.Headers["connection"]) == 0 || h.Address == "" || h.Issued == 0 || string(h.Auth) != `{"token":"x"}` {
		t.Errorf("handshake %+v", h)
	}
}

// Adapters before version 7 ask for ids alone. Rooms may be numbers in Node.
func TestRequestsAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	m := &mixed{url: redistest.Server(t).URL}
	m.serve(t)
	m.clients.join(t, "g", "7")
	client := dial(t, m.url)
	answers := client.Subscribe(t.Context(), "socket.io-response#/#")
	t.Cleanup(func() { _ = answers.Close() })
	if _, err := answers.Receive(t.Context()); err != nil { // the subscription
		t.Fatal(err)
	}
	eventually(t, "listening", func() (bool, any) { return m.adapter.Status().Connected, nil })
	rooms := []string{"7", "r", m.onUs}
	slices.Sort(rooms)
	named, err := json.Marshal(rooms)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ request, want string }{
		// Without an answer: one's own, forms of 2 to 4 that are older still, unknown ones.
		{fmt.Sprintf(`{"uid":%q,"requestId":"x","type":0}`, m.adapter.opts.UID), ""},
		{`{"uid":"old","requestId":"x","type":2,"sid":"x","room":"y"}`, ""},
		{`{"uid":"old","requestId":"x","type":6,"data":["x"]}`, ""},
		{`{"uid":"old","requestId":"a","type":0,"rooms":[7]}`, fmt.Sprintf(`{"requestId":"a","sockets":[%q]}`, m.onUs)},
		{`{"uid":"old","requestId":"b","type":0,"rooms":["no"]}`, `{"requestId":"b","sockets":[]}`},
		{`{"uid":"old","requestId":"c","type":0,"rooms":[null]}`, `{"requestId":"c","sockets":[]}`},
		{`{"uid":"old","requestId":"d","type":0}`, fmt.Sprintf(`{"requestId":"d","sockets":[%q]}`, m.onUs)},
		{`{"uid":"old","requestId":"e","type":1}`, fmt.Sprintf(`{"requestId":"e","rooms":%s}`, named)},
		{`{"requestId":"f","type":5,"opts":{"except":["r",""]}}`, `{"requestId":"f","sockets":[]}`},
	} {
		if err := client.Publish(t.Context(), "socket.io-request#/#", test.request).Err(); err != nil {
			t.Fatal(err)
		}
		if test.want == "" {
			continue // an answer would stand in the way of the next one
		}
		got, err := answers.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal([]byte(got.Payload), &a) != nil || json.Unmarshal([]byte(test.want), &b) != nil || !cmp.Equal(a, b) {
			t.Errorf("%s was answered with %s; want %s", test.request, got.Payload, test.want)
		}
	}
}

func TestNodeMovesOurSockets(t *testing.T) {
	t.Parallel()
	m := mix(t)
	m.node.must(t, map[string]any{"do": "join", "rooms": []string{"r"}, "targets": []string{"moved"}})
	eventually(t, "we are in the room", func() (bool, any) {
		rooms := m.ours.Of("/").Sockets("")[0].Rooms()
		return slices.Contains(rooms, "moved"), rooms
	})
	m.node.must(t, map[string]any{"do": "leave", "rooms": []string{"moved"}, "except": []string{m.onNode}, "targets": []string{"r"}})
	eventually(t, "we left the room", func() (bool, any) {
		rooms := m.ours.Of("/").Sockets("")[0].Rooms()
		return !slices.Contains(rooms, "r"), rooms
	})
	m.node.must(t, map[string]any{"do": "disconnect", "rooms": []string{"moved"}, "close": true})
	for _, client := range []string{"n", "g"} {
		m.clients.wait(t, client+" is disconnected", func(l line) bool { return l.On == "disconnect" && l.Client == client })
	}
	if got := len(m.ours.Of("/").Sockets("")); got != 0 {
		t.Errorf("%d sockets are left", got)
	}
}
