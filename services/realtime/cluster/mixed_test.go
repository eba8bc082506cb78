package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// setup is how the servers of a mixed cluster are to talk.
type setup struct {
	name     string
	node     string // options of the Node server
	mode     Mode   // of the sharded adapter; the classic one when empty
	opts     Options
	recovery time.Duration
}

// setups are the ways in which Node servers can be set up, and ours with them.
var setups = []setup{
	{name: "classic", node: `{}`},
	{name: "classic with direct answers and a log", node: `{"publishOnSpecificResponseChannel":true,"key":"mine"}`,
		opts: Options{DirectAnswers: true, Prefix: "mine"}, recovery: time.Minute},
	{name: "static with a log", node: `{"sharded":true,"subscriptionMode":"static"}`, mode: Static, recovery: time.Minute},
	{name: "dynamic", node: `{"sharded":true}`, mode: Dynamic},
	{name: "dynamic with a log", node: `{"sharded":true,"channelPrefix":"mine"}`, mode: Dynamic, opts: Options{Prefix: "mine"}, recovery: time.Minute},
	{name: "dynamic-private", node: `{"sharded":true,"subscriptionMode":"dynamic-private"}`, mode: DynamicPrivate},
}

// mixed is a cluster of one Node server and one of ours, each with a client of its own
// in room "r".
type mixed struct {
	setup
	url           string // of Redis
	ours          *socketio.Server
	node, clients *script
	adapter       *Redis
	onNode, onUs  string         // ids of the clients "n" and "g"
	heard         map[string]int // how many events of a client were expected
}

func mix(t *testing.T) *mixed {
	t.Helper()
	return mixAs(t, setups[0])
}

func mixAs(t *testing.T, how setup) *mixed {
	t.Helper()
	m := &mixed{setup: how, url: redistest.Server(t).URL, heard: map[string]int{}}
	m.serve(t)
	m.node = run(t, "server.mjs", m.url, "0", how.node)
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
	address := m.url
	if m.opts.Quiet == 0 { // it is not about losses
		var opts Options
		address, opts = patient(address)
		m.opts.Quiet = opts.Quiet
	}
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	if m.mode == "" {
		m.adapter = NewRedis(publish, subscribe, m.opts, testLog(t))
	} else {
		m.adapter = NewSharded(publish, subscribe, m.mode, m.opts, testLog(t))
	}
	start(t, m.adapter.Run)
	m.ours = socketio.New(socketio.Options{Adapter: m.adapter, Logger: testLog(t), Recovery: m.recovery})
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

// hears waits until a client has received exactly these events since the last call, in
// this order, as name and JSON array of arguments. Offsets of the log are left out.
func (m *mixed) hears(t *testing.T, client string, want ...string) {
	t.Helper()
	eventually(t, client+" hears", func() (bool, any) {
		m.clients.mu.Lock()
		defer m.clients.mu.Unlock()
		var got []string
		for _, l := range m.clients.lines {
			if l.On == "event" && l.Client == client {
				got = append(got, l.Event+" "+m.plain(client, l))
			}
		}
		if got = append([]string{}, got[m.heard[client]:]...); len(got) < len(want) {
			return false, got
		}
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", client, diff)
		}
		m.heard[client] += len(want)
		return true, nil
	})
}

// plain returns the arguments of an event without the offset at their end.
func (m *mixed) plain(client string, l line) string {
	text := string(l.Args)
	if m.recovery == 0 || client != "g" || l.WantsAck {
		return text
	}
	at := strings.LastIndex(text, `"`)
	at = strings.LastIndex(text[:max(at, 0)], `"`)
	if at < 1 || !isOffsetText(text[at+1:len(text)-2]) {
		return text + " without offset"
	}
	return strings.TrimSuffix(text[:at], ",") + "]"
}

func isOffsetText(text string) bool {
	_, ok := parseOffset(text)
	return ok
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestEmittersReachBothKindsOfServers(t *testing.T) {
	t.Parallel()
	m := mix(t)
	emitter := run(t, "emitter.mjs", m.url)
	emitter.wait(t, "the emitter is ready", func(l line) bool { return l.On == "ready" })
	emitter.must(t, map[string]any{"do": "emit", "rooms": []string{"r"}, "event": "theirs", "args": []any{1.5}})
	m.clients.heard(t, "n", "theirs [1.5]")
	m.clients.heard(t, "g", "theirs [1.5]")

}

// What other services of ours put into the room log reaches both, on every wire.
func TestTheLogReachesBothKindsOfServers(t *testing.T) {
	t.Parallel()
	for _, how := range setups {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			m := mixAs(t, how)
			ours := broadcast.New(dial(t, m.url), broadcast.Options{Adapter: how.mode, Prefix: how.opts.Prefix})
			args := json.RawMessage(`[{"z":1,"a":[2]}, "ć \"😀\" \u0001"]`)
			messages := []broadcast.Message{{Room: "r", Event: "room", Args: args}, {Room: `"nobody`, Event: "nobody", Args: args}, {Event: "all", Args: args}, {Event: "none", Args: json.RawMessage(`[]`)}}
			if n, err := ours.Emit(t.Context(), messages...); err != nil || n != len(messages) {
				t.Fatalf("Emit = %d, %v", n, err)
			}
			const heard = ` [{"z":1,"a":[2]},"ć \"😀\" \u0001"]`
			for _, client := range []string{"n", "g"} {
				m.hears(t, client, "room"+heard, "all"+heard, "none []")
			}
		})
	}
}

// Adapters before version 7 ask for ids alone. Rooms may be numbers in Node.
func TestRequestsAreAnsweredOnce(t *testing.T) {
	t.Parallel()
	m := &mixed{setup: setups[0], url: redistest.Server(t).URL}
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
