package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// A Node server and one of ours are one cluster, on every wire and in both directions.
func TestNodeServersAndOursAreOneCluster(t *testing.T) {
	t.Parallel()
	for _, how := range setups {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			m := mixAs(t, how)
			for _, step := range []struct {
				name string
				run  func(*testing.T, *mixed)
			}{
				{"we emit", weEmit},
				{"Node emits", nodeEmits},
				{"values", passValues},
				{"clients acknowledge", clientsAcknowledge},
				{"servers talk", serversTalk},
				{"sockets are found", socketsAreFound},
				{"sockets are moved", socketsAreMoved},
				{"sockets are disconnected", socketsAreDisconnected},
			} {
				if !t.Run(step.name, func(t *testing.T) { step.run(t, m) }) {
					return
				}
			}
			if s := m.adapter.Status(); s.Malformed > 0 || s.Gaps > 0 || s.Dropped > 0 {
				t.Errorf("status = %+v", s)
			}
		})
	}
}

func weEmit(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	ok(t, ns.To("r").EmitRaw("to a room", json.RawMessage(`[1]`)))
	ok(t, ns.Emit("bytes", []byte{1, 2, 3}, map[string]any{"in": socketio.Placeholder{Placeholder: true, Num: 0}}))
	ok(t, ns.To("r", "other").Emit("two rooms"))
	ok(t, ns.To("nobody").Emit("nobody hears this"))
	ok(t, ns.Except("r").Emit("nobody hears this"))
	ok(t, ns.To("r").Except(m.onNode).Emit("ours alone"))
	ok(t, ns.To(m.onNode).Emit("to one"))
	m.hears(t, "n", "to a room [1]", `bytes [{"$bin":"AQID"},{"in":{"$bin":"AQID"}}]`, "two rooms []", "to one []")
	m.hears(t, "g", "to a room [1]", `bytes [{"$bin":"AQID"},{"in":{"$bin":"AQID"}}]`, "two rooms []", "ours alone []")
	ok(t, ns.To("r").Local().Emit("here alone"))
	m.hears(t, "g", "here alone []")
	// A volatile event is dropped while the client is still being written to.
	ok(t, ns.To("r").Volatile().Emit("volatile"))
	m.hears(t, "n", "volatile []")
	m.hears(t, "g", "volatile []")
}

func nodeEmits(t *testing.T, m *mixed) {
	for _, command := range []map[string]any{
		{"rooms": []string{"r"}, "event": "to a room", "args": []any{1}},
		{"event": "bytes", "args": []any{map[string]string{"$bin": "AQID"}, map[string]any{"in": map[string]string{"$bin": "AAH/"}}}},
		{"rooms": []string{"r", "other"}, "event": "two rooms"},
		{"rooms": []string{"nobody"}, "event": "nobody hears this"},
		{"except": []string{"r"}, "event": "nobody hears this"},
		{"rooms": []string{"r"}, "except": []string{m.onUs}, "event": "Node's alone"},
		{"flags": map[string]any{"local": true}, "event": "Node's alone"},
		{"rooms": []string{m.onUs}, "event": "to one"},
	} {
		command["do"] = "emit"
		m.node.must(t, command)
	}
	bytes := `bytes [{"$bin":"AQID"},{"in":{"$bin":"AAH/"}}]`
	m.hears(t, "n", "to a room [1]", bytes, "two rooms []", "Node's alone []", "Node's alone []")
	m.hears(t, "g", "to a room [1]", bytes, "two rooms []", "to one []")
	m.node.must(t, map[string]any{"do": "emit", "flags": map[string]any{"volatile": true, "compress": true, "timeout": 500}, "event": "flags"})
	m.hears(t, "g", "flags []")
	m.hears(t, "n", "flags []")
}

// passValues sends what JSON and bytes can say through both servers, with bytes and
// without, because that makes another form on the sharded wire. Whole numbers beyond 64 bits
// are left out: Node's encoder garbles them.
func passValues(t *testing.T, m *mixed) {
	long := strings.Repeat("ž", 70_000)
	for _, value := range []string{
		`null`, `true`, `""`, `{}`, `[]`, `[[[{"a":[{}]}]]]`, `{"z":1,"a":{"y":1.5,"b":null},"__p":"x"}`,
		`0`, `-1`, `-33`, `-129`, `-40000`, `127`, `128`, `65536`, `4294967296`, `-4294967297`, `9007199254740991`, `-9007199254740991`,
		`0.1`, `-2.5`, `1e-7`, `5e-324`, `"ć 😀 \u0001 <>& \u2028 \\ \" /"`, `"` + long + `"`,
		`[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]`, `{"_placeholder":false,"num":0}`,
	} {
		var parsed, back any
		plain := json.RawMessage(value)
		binary := json.RawMessage(`{"value":` + value + `,"bytes":{"$bin":"AAECAwQF"},"no bytes":{"$bin":""}}`)
		ok(t, json.Unmarshal(plain, &parsed))
		m.node.must(t, map[string]any{"do": "emit", "event": "plain", "args": []any{plain}})
		m.node.must(t, map[string]any{"do": "emit", "event": "bytes", "args": []any{binary}})
		ok(t, m.ours.Of("/").EmitRaw("plain", json.RawMessage("["+value+"]")))
		ok(t, m.ours.Of("/").EmitRaw("bytes", json.RawMessage(`[{"value":`+value+`,"bytes":{"_placeholder":true,"num":0},"no bytes":{"_placeholder":true,"num":1}}]`), []byte{0, 1, 2, 3, 4, 5}, []byte{}))
		first := "" // all four texts with bytes are the same
		for _, client := range []string{"n", "g"} {
			for _, l := range m.next(t, client, 4) {
				text := m.plain(client, l)
				var args []any
				ok(t, json.Unmarshal([]byte(text), &args))
				back = args[0]
				if l.Event == "bytes" {
					back = args[0].(map[string]any)["value"]
					if first = cmp.Or(first, text); text != first {
						t.Errorf("%s hears %.200s; want %.200s", client, text, first)
					}
				}
				if diff := gocmp.Diff(parsed, back); diff != "" {
					t.Errorf("%.80s for %s, %s (-want +got):\n%s", value, client, l.Event, diff)
				}
			}
		}
	}
	// Dates become text, minus zero zero, as everywhere in Socket.IO.
	for _, extra := range []any{nil, map[string]string{"$bin": "AA=="}} {
		m.node.must(t, map[string]any{"do": "emit", "event": "special", "args": []any{map[string]string{"$date": "1969-07-20T20:17:40.123Z"}, json.RawMessage("-0"), extra}})
		for _, client := range []string{"n", "g"} {
			if got := m.plain(client, m.next(t, client, 1)[0]); !strings.HasPrefix(got, `["1969-07-20T20:17:40.123Z",0,`) {
				t.Errorf("%s hears %s", client, got)
			}
		}
	}
}

// next returns the next events of a client.
func (m *mixed) next(t *testing.T, client string, n int) (events []line) {
	t.Helper()
	eventually(t, client+" hears", func() (bool, any) {
		m.clients.mu.Lock()
		defer m.clients.mu.Unlock()
		events = slices.Clone(m.clients.lines)
		events = slices.DeleteFunc(events, func(l line) bool { return l.On != "event" || l.Client != client })[m.heard[client]:]
		return len(events) >= n, len(events)
	})
	m.heard[client] += n
	return events[:n]
}

// answerTexts are what answers say, sorted; of bytes themselves.
func answerTexts(t *testing.T, answers []socketio.Args) []string {
	t.Helper()
	var all []string
	for _, a := range answers {
		text := string(a.Raw(0))
		var data []byte
		if strings.HasPrefix(text, `{"_placeholder"`) {
			ok(t, a.Decode(&data))
			text = string(data)
		}
		if a.Len() != 1 {
			t.Errorf("answer has %d arguments", a.Len())
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func clientsAcknowledge(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	reply := func(client string, args ...any) {
		m.clients.must(t, map[string]any{"do": "reply", "client": client, "event": "ask", "args": args})
	}
	expect := func(target socketio.Target, args []any, want ...string) {
		t.Helper()
		got, err := target.EmitWithAck(t.Context(), "ask", args...)
		if err != nil || !slices.Equal(answerTexts(t, got), want) {
			t.Errorf("EmitWithAck = %v, %v; want %v", answerTexts(t, got), err, want)
		}
	}
	reply("n", map[string]any{"from": "n"}, "second")
	reply("g", "g", "second")
	expect(ns.To("r"), []any{1, []byte("x")}, `"g"`, `{"from":"n"}`)
	expect(ns.To("r", "other").Except(m.onUs), nil, `{"from":"n"}`)
	expect(ns.To("r").Local(), nil, `"g"`)
	expect(ns.To("nobody"), nil)
	reply("n", map[string]string{"$bin": "bg=="})
	reply("g", map[string]string{"$bin": "Zw=="})
	expect(ns.To("r"), nil, "g", "n")
	for _, client := range []string{"n", "g"} {
		m.hears(t, client, `ask [1,{"$bin":"eA=="}]`, "ask []", "ask []")
	}
	// Node asks.
	reply("n", "n")
	reply("g", map[string]any{"deep": []any{map[string]string{"$bin": "Zw=="}}})
	ask := map[string]any{"do": "emit_with_ack", "rooms": []string{"r"}, "flags": map[string]any{"timeout": 15_000}, "event": "ask", "args": []any{map[string]string{"$bin": "AA=="}}}
	var got []json.RawMessage
	ok(t, json.Unmarshal(m.node.must(t, ask), &got))
	slices.SortFunc(got, func(a, b json.RawMessage) int { return strings.Compare(string(a), string(b)) })
	if len(got) != 2 || string(got[0]) != `"n"` || string(got[1]) != `{"deep":[{"$bin":"Zw=="}]}` {
		t.Errorf("Node got %s", got)
	}
	for _, client := range []string{"n", "g"} {
		m.hears(t, client, `ask [{"$bin":"AA=="}]`)
	}
	// One who does not answer.
	m.clients.must(t, map[string]any{"do": "silent", "client": "n", "event": "ask"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	answers, err := ns.To("r").EmitWithAck(ctx, "ask")
	var partial *socketio.PartialError
	if !errors.As(err, &partial) || !errors.Is(err, socketio.ErrPartial) || len(answers) != 1 {
		t.Fatalf("EmitWithAck = %v, %v", answers, err)
	}
	if diff := gocmp.Diff(socketio.PartialError{Servers: 1, Answered: 1, Clients: 2, Acks: 1}, *partial); diff != "" {
		t.Error(diff)
	}
	m.hears(t, "n", "ask []")
	m.hears(t, "g", "ask []")
}

func serversTalk(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	ok(t, ns.ServerSideEmit("server_event", 1, map[string]any{"a": nil}))
	said := m.node.wait(t, "Node hears us", func(l line) bool { return l.On == "server_event" })
	if string(said.Args) != `[1,{"a":null}]` || said.WantsAck {
		t.Errorf("Node hears %+v", said)
	}
	m.node.must(t, map[string]any{"do": "server_reply", "args": []any{map[string]any{"v": 1}, "second"}})
	got, err := ns.ServerSideEmitWithAck(t.Context(), "server_event", "x")
	if err != nil || !slices.Equal(answerTexts(t, got), []string{`{"v":1}`}) {
		t.Errorf("ServerSideEmitWithAck = %v, %v", got, err)
	}
	if m.mode != "" { // bytes need a form that the classic wire does not have
		m.node.must(t, map[string]any{"do": "server_reply", "args": []any{map[string]string{"$bin": "dg=="}}})
		got, err := ns.ServerSideEmitWithAck(t.Context(), "server_event", []byte("b"))
		if err != nil || !slices.Equal(answerTexts(t, got), []string{"v"}) {
			t.Errorf("ServerSideEmitWithAck = %v, %v", got, err)
		}
		m.node.wait(t, "Node hears bytes", func(l line) bool { return string(l.Args) == `[{"$bin":"Yg=="}]` })
	} else if _, err := ns.ServerSideEmitWithAck(t.Context(), "server_event", []byte("b")); !errors.Is(err, errBinary) {
		t.Errorf("ServerSideEmitWithAck = %v", err)
	}

	heard := make(chan string, 10)
	ns.OnServerSide("to us", func(args socketio.Args, ack socketio.Ack) {
		heard <- string(args.From(0))
		if args.WantsAck() != (args.Len() == 2) {
			t.Errorf("%s wants an answer: %t", args.From(0), args.WantsAck())
		}
		ack(map[string]any{"heard": args.Len()}, "second")
		ack("again")
	})
	m.node.must(t, map[string]any{"do": "server_emit", "event": "to us", "args": []any{1.5}})
	answer := m.node.must(t, map[string]any{"do": "server_emit", "event": "to us", "args": []any{"x", nil}, "ack": true})
	if string(answer) != `[{"heard":2}]` {
		t.Errorf("Node was answered %s", answer)
	}
	for _, want := range []string{`[1.5]`, `["x",null]`} {
		if got := <-heard; got != want {
			t.Errorf("we hear %s; want %s", got, want)
		}
	}
}

func socketsAreFound(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	m.node.must(t, map[string]any{"do": "data", "id": m.onNode, "value": map[string]any{"n": []int{1}}})
	byNode := map[string]socketDetails{}
	var list []socketDetails
	ok(t, json.Unmarshal(m.node.must(t, map[string]any{"do": "fetch", "rooms": []string{"r"}}), &list))
	for _, d := range list {
		byNode[d.ID] = d
	}
	found, err := ns.To("r").FetchSockets(t.Context())
	if err != nil || len(found) != 2 || len(byNode) != 2 {
		t.Fatalf("FetchSockets = %+v, %v; by Node %+v", found, err, byNode)
	}
	data := map[string]string{m.onUs: `{"name":"Ada"}`, m.onNode: `{"n":[1]}`}
	for _, d := range describe(found) {
		other := byNode[d.ID]
		slices.Sort(d.Rooms)
		slices.Sort(other.Rooms)
		if diff := gocmp.Diff(other, d); diff != "" || d.ID == "" {
			t.Errorf("found by Node and by us (-Node +us):\n%s", diff)
		}
		h := d.Handshake
		if string(d.Data) != data[d.ID] || !slices.Equal(h.Query["EIO"], values{"4"}) || len(h.Headers["connection"]) == 0 || string(h.Auth) != `{"token":"x"}` ||
			h.Address != "127.0.0.1" || h.Issued == 0 || h.Time == "" || !strings.HasPrefix(h.URL, "/socket.io/?EIO=4") || h.Secure || h.XDomain {
			t.Errorf("found %+v with handshake %+v", d, h)
		}
	}
	count := func(target socketio.Target, want int) {
		t.Helper()
		if found, err := target.FetchSockets(t.Context()); err != nil || len(found) != want {
			t.Errorf("%d sockets, %v; want %d", len(found), err, want)
		}
	}
	count(ns.To("r").Except(m.onNode), 1)
	count(ns.To("r").Local(), 1)
	count(ns.To("nobody"), 0)
	count(ns.To(m.onNode, m.onUs, "r"), 2)

	want := []string{"r", m.onNode, m.onUs}
	slices.Sort(want)
	rooms, err := ns.AllRooms(t.Context())
	slices.Sort(rooms)
	if err != nil || !slices.Equal(rooms, want) {
		t.Errorf("AllRooms = %v, %v; want %v", rooms, err, want)
	}
	if m.mode == "" { // Node's sharded adapter cannot
		ok(t, json.Unmarshal(m.node.must(t, map[string]any{"do": "rooms"}), &rooms))
		slices.Sort(rooms)
		if !slices.Equal(rooms, want) {
			t.Errorf("Node's allRooms = %v; want %v", rooms, want)
		}
	}
	stats, err := ns.Stats(t.Context())
	if want := (socketio.Stats{Servers: 2, Sockets: 2, Rooms: 1}); err != nil || stats != want {
		t.Errorf("Stats = %+v, %v; want %+v", stats, err, want)
	}
}

func socketsAreMoved(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	// What is emitted around a move reaches those who are there then. It goes to two rooms:
	// in dynamic modes one room alone is heard only once its channel is subscribed to.
	for range 10 {
		ok(t, ns.To("moved").Emit("nobody hears this"))
		ok(t, ns.To("r").SocketsJoin("moved", "moved too"))
		ok(t, ns.To("moved too", "other").Emit("between"))
		ok(t, ns.To("r").Except("nobody").SocketsLeave("moved", "moved too"))
	}
	m.hears(t, "n", slices.Repeat([]string{"between []"}, 10)...)
	m.hears(t, "g", slices.Repeat([]string{"between []"}, 10)...)

	m.node.must(t, map[string]any{"do": "join", "rooms": []string{"r"}, "except": []string{m.onNode}, "targets": []string{"moved"}})
	eventually(t, "we are in the room", func() (bool, any) {
		rooms := ns.Sockets("")[0].Rooms()
		return slices.Contains(rooms, "moved"), rooms
	})
	found, err := ns.To("moved").FetchSockets(t.Context())
	if err != nil || len(found) != 1 || found[0].ID != m.onUs {
		t.Fatalf("moved are %+v, %v", found, err)
	}
	m.node.must(t, map[string]any{"do": "leave", "rooms": []string{"moved"}, "targets": []string{"moved"}})
	eventually(t, "we left the room", func() (bool, any) {
		rooms := ns.Sockets("")[0].Rooms()
		return !slices.Contains(rooms, "moved"), rooms
	})

	there, err := ns.To(m.onNode).FetchSockets(t.Context())
	if err != nil || len(there) != 1 {
		t.Fatalf("FetchSockets = %+v, %v", there, err)
	}
	s := there[0]
	ok(t, s.Join("own"))
	ok(t, s.Emit("own", 1))
	answer, err := s.EmitWithAck(t.Context(), "own ask", 7)
	if err != nil || string(answer.Raw(0)) != "7" {
		t.Errorf("EmitWithAck = %s, %v", answer.Raw(0), err)
	}
	ok(t, s.Leave("own"))
	m.hears(t, "n", "own [1]", "own ask [7]")
	if rooms, err := ns.AllRooms(t.Context()); err != nil || slices.Contains(rooms, "own") {
		t.Errorf("AllRooms = %v, %v", rooms, err)
	}
}

func socketsAreDisconnected(t *testing.T, m *mixed) {
	ns := m.ours.Of("/")
	gone := func(client string) {
		t.Helper()
		m.clients.wait(t, client+" is disconnected", func(l line) bool { return l.On == "disconnect" && l.Client == client })
	}
	m.node.must(t, map[string]any{"do": "disconnect", "rooms": []string{m.onUs}})
	gone("g")
	// The client hears its last packet before its server has forgotten it.
	eventually(t, "no socket is left with us", func() (bool, any) {
		left := len(ns.Sockets(""))
		return left == 0, left
	})
	ok(t, ns.To("r").Emit("last"))
	ok(t, ns.DisconnectSockets(true))
	gone("n")
	m.hears(t, "n", "last []")
	m.hears(t, "g")
	eventually(t, "no socket is left anywhere", func() (bool, any) {
		found, err := ns.FetchSockets(t.Context())
		return err == nil && len(found) == 0, found
	})
}
