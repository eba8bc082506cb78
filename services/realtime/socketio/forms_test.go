package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/msgpack"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// server starts one that offers everything, until the test ends.
func server(t *testing.T, opts socketio.Options) string {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	opts.Engine.Transports = []string{"polling", "websocket"}
	srv := socketio.New(opts)
	for _, ns := range []*socketio.Namespace{srv.Of("/"), srv.Of("/admin")} {
		ns.Use(authorize)
		ns.OnConnect(welcome)
	}
	tables := srv.OfRegexp(regexp.MustCompile(`/table-\d+`))
	tables.OnConnect(welcome)
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		defer web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	return web.URL
}

func authorize(s *socketio.Socket) error {
	var auth struct{ Token string }
	if json.Unmarshal(s.Auth(), &auth) != nil || auth.Token == "bad" {
		return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"code": "token_invalid", "list": []int{1, 2}}}
	}
	return nil
}

func welcome(s *socketio.Socket) {
	s.Join("all")
	s.On("echo", func(args socketio.Args, ack socketio.Ack) { // by both ways: as an answer and as an event
		_ = s.EmitRaw("echoed", args.From(0), args.Attachments()...)
		if values, err := args.Values(); err == nil {
			ack(values...)
		}
	})
	s.On("token", func(_ socketio.Args, ack socketio.Ack) { ack(s.Auth()) })
	s.On("ask back", func(args socketio.Args, ack socketio.Ack) {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		answer, err := s.EmitWithAck(ctx, "question", args.Raw(0))
		ack(err == nil, answer.From(0))
	})
	s.On("poll", func(args socketio.Args, ack socketio.Ack) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var said []json.RawMessage
		answers, err := s.Namespace().To("all").EmitWithAck(ctx, "vote", args.Raw(0))
		for _, a := range answers {
			said = append(said, a.Raw(0))
		}
		ack(err == nil, said)
	})
	s.On("shout", func(args socketio.Args, _ socketio.Ack) {
		_ = s.Namespace().To("all").EmitRaw("shouted", args.From(0), args.Attachments()...)
	})
}

// deep is nested, with bytes in nine places and everything that JSON has. With one more
// it has as many attachments as a packet may have.
var deep = map[string]any{
	"six": []any{bytesOf(""), bytesOf("5"), bytesOf("6"), []any{bytesOf("7"), []any{bytesOf("8")}}, bytesOf("9")},
	"z":   []any{1, -2.5, 1e-7, true, nil, "\u2028<é>", map[string]any{"bin": bytesOf("one"), "empty": []any{}}},
	"a":   map[string]any{"list": []any{bytesOf("two"), map[string]any{"x": bytesOf("three")}}},
}

func bytesOf(text string) map[string]any { return map[string]any{"$bin": []byte(text)} }

// TestNodeClientsInEveryForm drives socket.io-client with each transport and parser.
func TestNodeClientsInEveryForm(t *testing.T) {
	t.Parallel()
	for _, form := range []struct {
		name      string
		client    map[string]any
		server    socketio.Options
		transport string
	}{
		{"default options", map[string]any{"transports": "default"}, socketio.Options{}, "websocket"},
		{"websocket only", map[string]any{"transports": []string{"websocket"}}, socketio.Options{}, "websocket"},
		{"polling only", map[string]any{"transports": []string{"polling"}}, socketio.Options{}, "polling"},
		{"msgpack over websocket", map[string]any{"transports": []string{"websocket"}, "parser": "msgpack"}, socketio.Options{Parser: msgpack.Parser}, "websocket"},
		{"msgpack over polling", map[string]any{"transports": []string{"polling"}, "parser": "msgpack"}, socketio.Options{Parser: msgpack.Parser}, "polling"},
		{"with recovery", map[string]any{"transports": []string{"polling", "websocket"}}, socketio.Options{Recovery: time.Minute}, "websocket"},
		{"msgpack with recovery", map[string]any{"transports": []string{"websocket"}, "parser": "msgpack"}, socketio.Options{Parser: msgpack.Parser, Recovery: time.Minute}, "websocket"},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			url := server(t, form.server)
			n := testclient.Start(t, "client.mjs")
			with := func(more map[string]any) map[string]any {
				options := map[string]any{}
				for _, m := range []map[string]any{form.client, more} {
					for k, v := range m {
						options[k] = v
					}
				}
				return options
			}
			n.Tell(testclient.Command{"do": "connect", "client": "bad", "url": url, "options": with(map[string]any{"auth": map[string]any{"token": "bad"}})})
			if l := n.On("bad", "connect_error"); l.Message != "not authorized" || string(l.Data) != `{"code":"token_invalid","list":[1,2]}` {
				t.Errorf("refused with %q, %s", l.Message, l.Data)
			}
			n.Tell(testclient.Command{"do": "connect", "client": "a", "url": url, "options": with(map[string]any{"authLater": map[string]any{"token": "good"}})})
			n.On("a", "connect")
			if got := ask(t, n, "a", "token"); got != `[{"token":"good"}]` {
				t.Errorf("auth by a function: %s", got)
			}
			for _, name := range []string{"/admin", "/table-7"} {
				n.Tell(testclient.Command{"do": "namespace", "client": name, "of": "a", "name": name})
				n.On(name, "connect")
			}
			n.Tell(testclient.Command{"do": "namespace", "client": "lost", "of": "a", "name": "/nowhere"})
			if l := n.On("lost", "connect_error"); l.Message != "Invalid namespace" {
				t.Errorf("refused with %q", l.Message)
			}
			for _, client := range []string{"a", "/admin", "/table-7"} {
				exchange(t, n, client)
			}
			awaitTransport(t, n, "a", form.transport)
			exchange(t, n, "a")
		})
	}
}

// exchange has a client and the server say all kinds of things to each other.
func exchange(t *testing.T, n *testclient.Script, client string) {
	t.Helper()
	sent, err := json.Marshal([]any{deep, bytesOf("four"), "text", 7})
	if err != nil {
		t.Fatal(err)
	}
	var values []any
	if err := json.Unmarshal(sent, &values); err != nil {
		t.Fatal(err)
	}
	check := func(what string, got json.RawMessage) {
		t.Helper()
		var g []any
		if err := json.Unmarshal(got, &g); err != nil || len(g) < len(values) {
			t.Fatalf("%s: %s %v", what, got, err)
		}
		for i := range values {
			if a, b := fmt.Sprint(g[i]), fmt.Sprint(values[i]); a != b {
				t.Errorf("%s: %s: argument %d is %s, want %s", client, what, i, a, b)
			}
		}
	}
	ref, err := n.Ask(testclient.Command{"do": "emit", "client": client, "event": "echo", "args": values})
	if err != nil {
		t.Fatal(err)
	}
	check("answer", ref)
	check("event", heard(n, client, "echoed").Args)
	n.Tell(testclient.Command{"do": "emit", "client": client, "event": "shout", "args": values, "volatile": true})
	check("broadcast", heard(n, client, "shouted").Args)
	if got := ask(t, n, client, "ask back", "why"); got != `[true,["why"]]` {
		t.Errorf("ask back: %s", got)
	}
	heard(n, client, "question")
	if got := ask(t, n, client, "poll", "tea?"); got != `[true,["tea?"]]` {
		t.Errorf("poll: %s", got)
	}
	heard(n, client, "vote")
	n.Tell(testclient.Command{"do": "silent", "client": client, "event": "question"})
	if got := ask(t, n, client, "ask back", "why"); got != `[false,[]]` {
		t.Errorf("ask back without an answer: %s", got)
	}
	heard(n, client, "question")
	n.Tell(testclient.Command{"do": "reply", "client": client, "event": "question", "args": []any{"why"}})
	if _, err := n.Ask(testclient.Command{"do": "emit", "client": client, "event": "nobody", "timeout": 50}); err == nil {
		t.Error("an event without a handler was answered")
	}
}

func heard(n *testclient.Script, client, event string) testclient.Line {
	return n.Next(client+" "+event, func(l testclient.Line) bool { return l.Client == client && l.On == "event" && l.Event == event })
}

func ask(t *testing.T, n *testclient.Script, client, event string, args ...any) string {
	t.Helper()
	answer, err := n.Ask(testclient.Command{"do": "emit", "client": client, "event": event, "args": append([]any{}, args...)})
	if err != nil {
		t.Fatalf("%s %s: %v", client, event, err)
	}
	return string(answer)
}

// awaitTransport waits for an upgrade.
func awaitTransport(t *testing.T, n *testclient.Script, client, want string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		value, err := n.Ask(testclient.Command{"do": "state", "client": client})
		if err != nil {
			t.Fatal(err)
		}
		var state struct{ Transport string }
		if err := json.Unmarshal(value, &state); err != nil {
			t.Fatal(err)
		}
		if state.Transport == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("transport is %q, want %q", state.Transport, want)
		}
	}
}

// TestRetriesAreAnswered has a client repeat a packet until it is acknowledged.
func TestRetriesAreAnswered(t *testing.T) {
	t.Parallel()
	srv := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	tries := 0
	srv.Of("/").OnConnect(func(s *socketio.Socket) {
		s.On("once", func(_ socketio.Args, ack socketio.Ack) { // handlers of a socket run one after another
			if tries++; tries == 3 {
				ack(tries)
			}
		})
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer func() { _ = srv.Shutdown(context.Background(), 0) }()
	n := testclient.Start(t, "client.mjs")
	n.Tell(testclient.Command{"do": "connect", "client": "a", "url": web.URL, "options": map[string]any{"retries": 5, "ackTimeout": 100}})
	n.On("a", "connect")
	answer, err := n.Ask(testclient.Command{"do": "emit", "client": "a", "event": "once", "callback": true})
	if err != nil || string(answer) != "[null,3]" {
		t.Errorf("answer %s, %v", answer, err)
	}
}
