package socketio

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// The tests of this file drive real socket.io clients, which come back when they
// are told to.

// enter connects a client and lets it join the room "r".
func (n *nodes) enter(client, namespace string) (id string) {
	n.t.Helper()
	n.dial(client, namespace, map[string]any{"reconnection": false})
	id = n.On(client, "connect").ID
	n.ask(client, "join", "r")
	return id
}

// away cuts a client off.
func (n *nodes) away(client string) {
	n.t.Helper()
	n.Tell(testclient.Command{"do": "cut", "client": client})
	n.On(client, "disconnect")
}

// back lets a client come back and reports whether it was recovered.
func (n *nodes) back(client string) (id string, recovered bool) {
	n.t.Helper()
	n.Tell(testclient.Command{"do": "reconnect", "client": client})
	l := n.On(client, "connect")
	return l.ID, l.Recovered
}

// next waits for the next event of a client, without its offset.
func (n *nodes) next(client, event, args string) {
	n.t.Helper()
	l := n.On(client, "event")
	var got []json.RawMessage
	if err := json.Unmarshal(l.Args, &got); err != nil || len(got) == 0 {
		n.t.Fatalf("%s heard %s %s, which has no offset", client, l.Event, l.Args)
	}
	text := "["
	for i, arg := range got[:len(got)-1] {
		if i > 0 {
			text += ","
		}
		text += string(arg)
	}
	if text += "]"; l.Event != event || text != args {
		n.t.Errorf("%s heard %s %s, want %s %s", client, l.Event, text, event, args)
	}
}

// state asks a client for the ids that it comes back with.
func (n *nodes) state(client string) (pid, offset string) {
	n.t.Helper()
	text, err := n.Ask(testclient.Command{"do": "state", "client": client})
	var s struct{ PID, Offset string }
	if err != nil || json.Unmarshal(text, &s) != nil {
		n.t.Fatalf("state of %s: %s, %v", client, text, err)
	}
	return s.PID, s.Offset
}

func startRecovering(t *testing.T, setup func(*Server)) (*nodes, *Server) {
	t.Helper()
	return startNodes(t, Options{Recovery: time.Minute}, func(srv *Server) {
		rooms(srv)
		if setup != nil {
			setup(srv)
		}
	})
}

func TestNodeClientIsRecovered(t *testing.T) {
	t.Parallel()
	n, srv := startRecovering(t, nil)
	ns := srv.Of("/")
	room := ns.To("r")
	id := n.enter("a", "/")
	recovers := func(when string) {
		t.Helper()
		if now, recovered := n.back("a"); now != id || !recovered {
			t.Fatalf("%s: recovered is %v, id %s, was %s", when, recovered, now, id)
		}
	}

	n.away("a")
	ok(t, room.Emit("n", 1, "text"))
	recovers("before the first event")
	n.next("a", "n", `[1,"text"]`)

	n.away("a")
	recovers("with nothing missed")

	ok(t, room.Emit("n", 2))
	n.next("a", "n", `[2]`)
	ok(t, room.Volatile().Emit("volatile", "text"))
	n.next("a", "volatile", `["text"]`)
	ok(t, ns.Sockets(id)[0].Emit("direct", "text"))
	n.next("a", "direct", `["text"]`)
	n.away("a")
	ok(t, room.Emit("n", 3, []byte("three")))
	ok(t, room.Volatile().Emit("volatile", "lost"))
	ok(t, room.Emit("n", 4, []byte("four"), map[string]any{"a": []int{1}}))
	recovers("after events that are in no journal")
	n.next("a", "n", `[3,{"$bin":"dGhyZWU="}]`)
	n.next("a", "n", `[4,{"$bin":"Zm91cg=="},{"a":[1]}]`)

	if answer, err := ns.Sockets(id)[0].EmitWithAck(t.Context(), "acked", "text"); err != nil || answer.Len() != 1 {
		t.Errorf("answered with %v, %v", answer, err)
	}
	if l := n.On("a", "event"); l.Event != "acked" || string(l.Args) != `["text"]` {
		t.Errorf("heard %s %s", l.Event, l.Args)
	}
	ok(t, room.Emit("n", 5))
	n.next("a", "n", `[5]`)
	n.away("a")
	recovers("after an acked event")
	n.ask("a", "ping")
	if l, more := n.Take(func(l testclient.Line) bool { return l.On == "event" }); more {
		t.Errorf("heard %s %s again", l.Event, l.Args)
	}
}

func TestNodeClientIsRecoveredInEveryNamespace(t *testing.T) {
	t.Parallel()
	n, srv := startNodes(t, Options{Recovery: time.Minute}, func(srv *Server) {
		for _, name := range []string{"/one", "/two"} {
			ns := srv.Of(name)
			answerPings(ns)
			ns.OnConnect(func(s *Socket) { s.Join("r") })
		}
	})
	for _, name := range []string{"/one", "/two"} {
		n.dial(name, name, map[string]any{"reconnection": false})
		n.On(name, "connect")
		ok(t, srv.Of(name).To("r").Emit("n", 1))
		n.next(name, "n", `[1]`)
	}
	for _, name := range []string{"/one", "/two"} {
		n.away(name)
	}
	for _, name := range []string{"/one", "/two"} {
		ok(t, srv.Of(name).To("r").Emit("in "+name))
	}
	pid, offset := n.state("/two")
	n.Tell(testclient.Command{"do": "claim", "client": "/one", "pid": pid, "offset": offset})
	if _, recovered := n.back("/one"); recovered {
		t.Error("recovered with the ids of another namespace")
	}
	if _, recovered := n.back("/two"); !recovered {
		t.Error("not recovered")
	}
	n.next("/two", "in /two", `[]`)
	if l, more := n.Take(func(l testclient.Line) bool { return l.On == "event" }); more {
		t.Errorf("heard %s %s", l.Event, l.Args)
	}
}

func TestNodeClientBeginsAfreshWhenItMust(t *testing.T) {
	t.Parallel()
	n, srv := startRecovering(t, func(srv *Server) {
		srv.Of("/").Use(func(s *Socket) error {
			var auth struct{ Owner string }
			if err := json.Unmarshal(s.Auth(), &auth); err != nil {
				return err
			}
			s.SetOwner(auth.Owner)
			return nil
		})
	})
	ns := srv.Of("/")
	n.dial("other", "/", map[string]any{"auth": map[string]any{"owner": "somebody else"}, "reconnection": false})
	n.On("other", "connect")
	stranger, _ := n.state("other")
	n.away("other")
	for name, claim := range map[string]func(pid, offset string) (string, string){
		"unknown pid":         func(_, offset string) (string, string) { return newID(), offset },
		"no pid":              func(_, offset string) (string, string) { return "guess", offset },
		"another's pid":       func(_, offset string) (string, string) { return stranger, offset },
		"another's session":   func(string, string) (string, string) { return stranger, "" },
		"forged offset":       func(pid, _ string) (string, string) { return pid, "forged" },
		"future offset":       func(pid, offset string) (string, string) { return pid, offset + "0" },
		"other form":          func(pid, offset string) (string, string) { return pid, strings.Replace(offset, ".", ".0", 1) },
		"offset of elsewhere": func(pid, offset string) (string, string) { return pid, "x" + offset },
		"no text":             func(pid, _ string) (string, string) { return pid, "\x00\"\\" },
		"long offset":         func(pid, offset string) (string, string) { return pid, offset + strings.Repeat("0", 1000) },
	} {
		first := n.enter(name, "/")
		ok(t, ns.To(first).Emit("n", 1))
		n.next(name, "n", `[1]`)
		pid, offset := n.state(name)
		n.away(name)
		ok(t, ns.To("r").Emit("not for a new socket"))
		pid, offset = claim(pid, offset)
		n.Tell(testclient.Command{"do": "claim", "client": name, "pid": pid, "offset": offset})
		if id, recovered := n.back(name); recovered || id == first {
			t.Errorf("%s: recovered", name)
		}
		n.ask(name, "ping")
		if l, more := n.Take(func(l testclient.Line) bool { return l.Client == name && l.On == "event" }); more {
			t.Errorf("%s: heard %s %s", name, l.Event, l.Args)
		}
		n.away(name)
	}
}

func TestNodeClientThatLeftIsNotRecovered(t *testing.T) {
	t.Parallel()
	n, srv := startRecovering(t, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) {
			s.On("kick", func(Args, Ack) { s.Disconnect(false) })
		})
	})
	for name, leave := range map[string]func(string){
		"client": func(client string) { n.Tell(testclient.Command{"do": "disconnect", "client": client}) },
		"server": func(client string) { n.Tell(testclient.Command{"do": "emit", "client": client, "event": "kick"}) },
		"parse error": func(client string) {
			n.Tell(testclient.Command{"do": "send", "client": client, "text": "2{}"})
		},
	} {
		first := n.enter(name, "/")
		leave(name)
		n.On(name, "disconnect")
		if id, recovered := n.back(name); recovered || id == first {
			t.Errorf("%s: recovered", name)
		}
	}
	if got := len(srv.Of("/").Sockets("r")); got != 0 {
		t.Errorf("%d sockets in a room that none has joined since", got)
	}
}
