package socketio

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rooms is a setup in which clients join and leave rooms by themselves.
func rooms(srv *Server) {
	answerPings(srv.Of("/"))
	srv.Of("/").OnConnect(func(s *Socket) {
		s.On("join", func(args Args, ack Ack) { s.Join(names(args)...); ack() })
		s.On("leave", func(args Args, ack Ack) { s.Leave(names(args)...); ack() })
	})
}

func names(args Args) (rooms []string) {
	for i := range args.Len() {
		rooms = append(rooms, strings.Trim(string(args.Raw(i)), `"`))
	}
	return rooms
}

func (p *peer) joinRooms(rooms ...string) *peer {
	p.t.Helper()
	p.send(`21["join","` + strings.Join(rooms, `","`) + `"]`)
	p.want(`31[]`)
	return p
}

func TestBroadcastsReachExactlyTheirSockets(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, rooms)
	ns := srv.Of("/")
	peers := map[string]*peer{
		"a":    join(t, url, "/").joinRooms("a"),
		"b":    join(t, url, "/").joinRooms("b"),
		"ab":   join(t, url, "/").joinRooms("a", "b", "a"),
		"none": join(t, url, "/"),
	}
	id := func(name string) string { return peers[name].id }
	socket := func(name string) *Socket { return ns.Sockets(id(name))[0] }
	for _, tc := range []struct {
		name  string
		emit  func(event string, args ...any) error
		reach string
	}{
		{"everybody", ns.Emit, "a ab b none"},
		{"a room", ns.To("a").Emit, "a ab"},
		{"rooms", ns.To("a", "b").Emit, "a ab b"},
		{"rooms and a socket", ns.To("a").To(id("ab"), id("none"), id("none")).Emit, "a ab none"},
		{"a socket", ns.To(id("b")).Emit, "b"},
		{"no such room", ns.To("nowhere").Emit, ""},
		{"room except room", ns.To("a").Except("b").Emit, "a"},
		{"everybody except room", ns.Except("a", "nowhere").Emit, "b none"},
		{"rooms except socket", ns.To("a", "b").Except(id("a")).Emit, "ab b"},
		{"socket except itself", ns.To(id("a")).Except("a").Emit, ""},
		{"from a socket", socket("a").To("a", "b").Emit, "ab b"},
		{"from a socket to all", socket("none").Broadcast().Emit, "a ab b"},
		{"volatile", ns.Volatile().To("a").Emit, "a ab"},
		{"local", ns.Local().Emit, "a ab b none"},
	} {
		if err := tc.emit("e", tc.name); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		var reached []string
		for name, p := range peers {
			p.send(`21["ping"]`)
			for {
				got := p.next()
				if got == `31[]` {
					break
				}
				if want := fmt.Sprintf(`2["e",%q]`, tc.name); got != want {
					t.Errorf("%s: %s received %s, want %s", tc.name, name, got, want)
				}
				reached = append(reached, name)
			}
		}
		slices.Sort(reached)
		if diff := cmp.Diff(tc.reach, strings.Join(reached, " ")); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestTargetsDoNotShareRooms(t *testing.T) {
	t.Parallel()
	srv := newServer(Options{})
	base := srv.Of("/").To("a", "b", "c")
	one, two := base.To("d"), base.To("e")
	if one.rooms[3] != "d" || two.rooms[3] != "e" {
		t.Errorf("targets have rooms %v and %v", one.rooms, two.rooms)
	}
}

func TestARoomExistsWhileASocketIsInIt(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, rooms)
	ns := srv.Of("/")
	p, q := join(t, url, "/").joinRooms("r", "s"), join(t, url, "/").joinRooms("r")
	if !ns.HasRoom("r") || !ns.HasRoom(p.id) || ns.HasRoom("x") {
		t.Error("HasRoom does not know the rooms")
	}
	if got := len(ns.Sockets("r")); got != 2 {
		t.Errorf("%d sockets in the room, want 2", got)
	}
	if diff := cmp.Diff([]string{p.id, "r", "s"}, ns.Sockets(p.id)[0].Rooms()); diff != "" {
		t.Error(diff)
	}
	p.send(`21["leave","r","nowhere"]`)
	p.want(`31[]`)
	if !ns.HasRoom("r") {
		t.Error("the room is gone while a socket is in it")
	}
	q.send("1")
	eventually(t, "the room is gone", func() bool { return !ns.HasRoom("r") && ns.HasRoom("s") })
	if ns.Len() != 1 || len(ns.Sockets("")) != 1 {
		t.Errorf("%d and %d sockets, want 1", ns.Len(), len(ns.Sockets("")))
	}
}

func TestSocketsOfADuplicateNameAreListedOnce(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, rooms)
	p := join(t, url, "/")
	p.joinRooms(p.id)
	if got := len(srv.Of("/").Sockets(p.id)); got != 1 {
		t.Errorf("listed %d times", got)
	}
	if err := srv.Of("/").To(p.id).Emit("once"); err != nil {
		t.Fatal(err)
	}
	p.want(`2["once"]`)
	p.ping()
}

func TestBroadcastsPassBytesOnUnchanged(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, func(srv *Server) {
		rooms(srv)
		srv.Of("/").OnConnect(func(s *Socket) {
			s.On("publish", func(args Args, _ Ack) {
				ok(t, srv.Of("/").To("r").EmitRaw("publish", args.From(1), args.Attachments()...))
			})
		})
	})
	p := join(t, url, "/").joinRooms("r")
	p.send(`2["publish","r",{"z":1.0,"a":1e400,"é":"\u00e9","n":12345678901234567890}]`)
	p.want(`2["publish",{"z":1.0,"a":1e400,"é":"\u00e9","n":12345678901234567890}]`)
	p.send(`52-["publish","r",{"f":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}]`)
	p.binary("zero")
	p.binary("one")
	p.want(`52-["publish",{"f":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}]`, "binary:zero", "binary:one")
	if err := srv.Of("/").EmitRaw("publish", []byte("[\"\xff\"]")); err == nil {
		t.Error("text that is not UTF-8 was emitted")
	}
	p.ping()
}
