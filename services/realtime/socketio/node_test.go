package socketio

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// The tests of this file drive real socket.io clients.

// nodes are clients in one script, on one server.
type nodes struct {
	*testclient.Script
	t   *testing.T
	url string
}

func startNodes(t *testing.T, opts Options, setup func(*Server)) (*nodes, *Server) {
	t.Helper()
	srv, url := serve(t, opts, setup)
	return &nodes{testclient.Start(t, "client.mjs"), t, url}, srv
}

// dial makes a client begin to connect.
func (n *nodes) dial(client, namespace string, options map[string]any) {
	n.t.Helper()
	n.Tell(testclient.Command{"do": "connect", "client": client, "url": n.url + namespace, "options": options})
}

// connect returns the id of a client that is connected to "/".
func (n *nodes) connect(client string) string {
	n.t.Helper()
	n.dial(client, "/", nil)
	return n.On(client, "connect").ID
}

// ask emits an event and returns the server's answer.
func (n *nodes) ask(client, event string, args ...any) string {
	n.t.Helper()
	answer, err := n.Ask(testclient.Command{"do": "emit", "client": client, "event": event, "args": append([]any{}, args...)})
	if err != nil {
		n.t.Fatalf("%s %s: %v", client, event, err)
	}
	return string(answer)
}

// heard waits for the next event of a client.
func (n *nodes) heard(client, event, args string) {
	n.t.Helper()
	if l := n.On(client, "event"); l.Event != event || string(l.Args) != args {
		n.t.Errorf("%s heard %s %s, want %s %s", client, l.Event, l.Args, event, args)
	}
}

func bin(text string) map[string]any { return map[string]any{"$bin": []byte(text)} }

func TestNodeClientConnects(t *testing.T) {
	t.Parallel()
	n, srv := startNodes(t, Options{}, func(srv *Server) {
		srv.Of("/").Use(func(s *Socket) error {
			var auth struct{ Token string }
			if json.Unmarshal(s.Auth(), &auth) != nil || auth.Token != "secret" {
				return &ConnectError{Message: "not authorized", Data: map[string]string{"code": "token_invalid"}}
			}
			return nil
		})
		answerPings(srv.Of("/admin"))
	})
	n.dial("bad", "/", map[string]any{"auth": map[string]any{"token": "guess"}})
	if l := n.On("bad", "connect_error"); l.Message != "not authorized" || string(l.Data) != `{"code":"token_invalid"}` {
		t.Errorf("refused with %q, %s", l.Message, l.Data)
	}
	n.dial("lost", "/nowhere", nil)
	if l := n.On("lost", "connect_error"); l.Message != "Invalid namespace" {
		t.Errorf("refused with %q", l.Message)
	}
	n.dial("good", "/", map[string]any{"auth": map[string]any{"token": "secret"}})
	if id := n.On("good", "connect").ID; len(srv.Of("/").Sockets(id)) != 1 {
		t.Errorf("no socket has the client's id %q", id)
	}
	n.dial("admin", "/admin", nil)
	n.On("admin", "connect")
	if got := n.ask("admin", "ping"); got != `[]` {
		t.Errorf("answer in /admin is %s", got)
	}
}

func TestNodeClientsTalkToTheServer(t *testing.T) {
	t.Parallel()
	n, srv := startNodes(t, Options{}, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) {
			s.On("echo", func(args Args, ack Ack) { ack(args.Raw(0), args.Len()) })
			s.On("file", func(args Args, ack Ack) {
				var a, b []byte
				if err := args.Decode(&a, &b); err != nil {
					ack(err.Error())
				}
				ack(b, a)
			})
			s.On("ask me", func(args Args, ack Ack) {
				answer, err := s.EmitWithAck(t.Context(), "question", args.Raw(0), []byte("?"))
				if err != nil {
					ack(err.Error())
				}
				ok(t, s.EmitRaw("you said", answer.From(0), answer.Attachments()...))
				ack(answer.Len())
			})
		})
	})
	id := n.connect("a")
	if got, want := n.ask("a", "echo", map[string]any{"text": "<é> \u2028"}, nil), `[{"text":"<é> `+"\u2028"+`"},2]`; got != want {
		t.Errorf("echo = %s, want %s", got, want)
	}
	if got, want := n.ask("a", "file", bin("one"), bin("two")), `[{"$bin":"dHdv"},{"$bin":"b25l"}]`; got != want {
		t.Errorf("file = %s, want %s", got, want)
	}
	if got := n.ask("a", "ask me", 7); got != `[2]` {
		t.Errorf("ask me = %s", got)
	}
	n.heard("a", "question", `[7,{"$bin":"Pw=="}]`)
	n.heard("a", "you said", `[7,{"$bin":"Pw=="}]`)

	if _, err := n.Ask(testclient.Command{"do": "emit", "client": "a", "event": "no handler", "timeout": 50}); err == nil {
		t.Error("an event without handler was answered")
	}
	s := srv.Of("/").Sockets(id)[0]
	if err := s.Emit("many", 1, nil, []int{2}, map[string]any{"f": 1.5}); err != nil {
		t.Fatal(err)
	}
	n.heard("a", "many", `[1,null,[2],{"f":1.5}]`)
}

func TestNodeClientsShareRooms(t *testing.T) {
	t.Parallel()
	n, _ := startNodes(t, Options{}, func(srv *Server) {
		rooms(srv)
		srv.Of("/").OnConnect(func(s *Socket) {
			s.On("publish", func(args Args, ack Ack) {
				ok(t, srv.Of("/").To(names(args)[0]).EmitRaw("publish", args.From(1), args.Attachments()...))
				ack()
			})
			s.On("others", func(args Args, _ Ack) { ok(t, s.To(names(args)[0]).EmitRaw("others", args.From(1))) })
		})
	})
	for _, client := range []string{"a", "b", "c"} {
		n.connect(client)
		n.ask(client, "join", "all")
	}
	n.ask("a", "join", "few")
	n.ask("b", "join", "few")
	n.ask("c", "publish", "few", map[string]any{"nested": []any{bin("x")}}, "text")
	n.Tell(testclient.Command{"do": "emit", "client": "a", "event": "others", "args": []any{"all", 1}})
	for i := range 200 {
		n.ask("b", "publish", "all", i)
	}
	for _, client := range []string{"a", "b"} {
		n.heard(client, "publish", `[{"nested":[{"$bin":"eA=="}]},"text"]`)
	}
	for i := range 200 {
		n.heard("a", "publish", fmt.Sprintf("[%d]", i))
	}
	for _, client := range []string{"b", "c"} {
		seen := 0
		for next := 0; next < 200 || seen == 0; {
			switch l := n.On(client, "event"); {
			case l.Event == "others":
				seen++
			case string(l.Args) != fmt.Sprintf("[%d]", next):
				t.Fatalf("%s heard %s, want %d", client, l.Args, next)
			default:
				next++
			}
		}
		if seen != 1 {
			t.Errorf("%s heard the others' event %d times", client, seen)
		}
	}
}

func TestNodeClientSeesWhyItWasDisconnected(t *testing.T) {
	t.Parallel()
	n, srv := startNodes(t, Options{}, func(srv *Server) {
		answerPings(srv.Of("/"))
		srv.Of("/").OnConnect(func(s *Socket) {
			s.On("kick", func(Args, Ack) { s.Disconnect(false) })
			s.On("close", func(Args, Ack) { s.Disconnect(true) })
		})
	})
	for _, client := range []string{"kick", "close"} {
		n.connect(client)
		n.Tell(testclient.Command{"do": "emit", "client": client, "event": client})
		if l := n.On(client, "disconnect"); l.Reason != "io server disconnect" {
			t.Errorf("%s: client was told %q", client, l.Reason)
		}
	}
	first := n.connect("cut")
	n.Tell(testclient.Command{"do": "cut", "client": "cut"})
	if l := n.On("cut", "disconnect"); l.Reason != "transport close" {
		t.Errorf("cut: client was told %q", l.Reason)
	}
	if again := n.On("cut", "connect").ID; again == first {
		t.Error("a new connection got the old id")
	}
	n.Tell(testclient.Command{"do": "send", "client": "cut", "text": "2{}"})
	if l := n.On("cut", "disconnect"); l.Reason != "transport close" {
		t.Errorf("violation: client was told %q", l.Reason)
	}
	n.On("cut", "connect")
	n.Tell(testclient.Command{"do": "disconnect", "client": "cut"})
	if l := n.On("cut", "disconnect"); l.Reason != "io client disconnect" {
		t.Errorf("disconnect: client was told %q", l.Reason)
	}
	eventually(t, "all sockets are gone", func() bool { return srv.Of("/").Len() == 0 })
	n.Tell(testclient.Command{"do": "reconnect", "client": "cut"})
	n.On("cut", "connect")
}

func TestNodeClientComesBackAfterADrain(t *testing.T) {
	t.Parallel()
	n, srv := startNodes(t, Options{}, func(srv *Server) { answerPings(srv.Of("/")) })
	n.connect("a")
	if err := srv.Shutdown(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if l := n.On("a", "disconnect"); l.Reason != "transport close" {
		t.Errorf("client was told %q", l.Reason)
	}
	n.On("a", "reconnect_attempt")
}

func TestNodeClientUpgradesFromPolling(t *testing.T) {
	t.Parallel()
	opts := Options{Engine: engineio.Options{Transports: []string{"polling", "websocket"}}}
	n, _ := startNodes(t, opts, rooms)
	n.dial("a", "/", map[string]any{"transports": []string{"polling", "websocket"}})
	n.On("a", "connect")
	for i := range 100 {
		n.ask("a", "join", fmt.Sprint("r", i))
	}
	eventually(t, "the client uses a websocket", func() bool {
		state, err := n.Ask(testclient.Command{"do": "state", "client": "a"})
		return err == nil && strings.Contains(string(state), `"transport":"websocket"`)
	})
	n.ask("a", "leave", "r1")
}
