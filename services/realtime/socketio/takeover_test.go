package socketio

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// diary keeps what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// Write lets a logger write to the diary.
func (d *diary) Write(line []byte) (int, error) {
	d.write(string(line))
	return len(line), nil
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.lines...)
}

func TestAHalfOpenConnectionIsEndedFirst(t *testing.T) {
	t.Parallel()
	var d diary
	hold, held := make(chan struct{}), make(chan struct{})
	ns, url := recovering(t, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) {
			d.write("connect")
			s.On("hold", func(Args, Ack) {
				close(held)
				<-hold
				s.Join("too late")
			})
			s.OnDisconnect(func(why Reason) { d.write(string(why)) })
		})
	})
	old := begin(t, url, nil)
	old.joinRooms("r")
	ghost := ns.Sockets(old.id)[0]
	old.send(`2["hold"]`)
	receive(t, held)
	ok(t, ns.To("r").Emit("n", 1))
	old.next() // which the client did not live to see
	s := begin(t, url, old)
	if !s.recovered {
		t.Fatal("not recovered")
	}
	s.events(`["n",1]`)
	if diff := cmp.Diff([]string{"connect"}, d.read()); diff != "" {
		t.Errorf("while a handler of the former socket runs: %s", diff)
	}
	close(hold)
	s.ping()
	if diff := cmp.Diff([]string{"connect", "transport close", "connect"}, d.read()); diff != "" {
		t.Error(diff)
	}
	if ghost.Connected() || ns.Len() != 1 || len(ns.Sockets("r")) != 1 || ns.HasRoom("too late") {
		t.Errorf("the former socket is connected: %v, %d sockets, rooms %v", ghost.Connected(), ns.Len(), ns.Rooms())
	}
	ok(t, ns.To("r").Emit("n", 2))
	s.events(`["n",2]`)
	old.wantClosed()
	s = s.again(url)
	s.ping()
	eventually(t, "the former sockets are forgotten", func() bool {
		ns.mu.RLock()
		defer ns.mu.RUnlock()
		return len(ns.leaving) == 0
	})
}

func TestAClientThatLeftIsForgottenBeforeItsHandlersReturn(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{"by itself": "1", "by an error": "2{}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold, held := make(chan struct{}), make(chan struct{})
			ns, url := recovering(t, func(srv *Server) {
				srv.Of("/").OnConnect(func(s *Socket) {
					s.On("hold", func(Args, Ack) {
						close(held)
						<-hold
						s.Join("late")
					})
				})
			})
			s := begin(t, url, nil)
			s.send(`2["hold"]`)
			receive(t, held)
			defer close(hold)
			s.send(leave)
			journal, is := ns.journal.(*memory)
			if !is {
				t.Fatal("no journal in memory")
			}
			eventually(t, "the client is forgotten", func() bool {
				journal.mu.Lock()
				defer journal.mu.Unlock()
				return journal.sessions[s.pid] == nil
			})
			s.close()
			if again := begin(t, url, s); again.recovered {
				t.Error("recovered")
			}
		})
	}
}

func TestASocketEndsWhenItsSessionMoved(t *testing.T) {
	t.Parallel()
	log := newSharedLog()
	opts := Options{Recovery: time.Minute, Adapter: log}
	one, urlOne := serve(t, opts, rooms)
	two, urlTwo := serve(t, opts, rooms)
	s := begin(t, urlOne, nil)
	s.joinRooms("r")
	ok(t, two.Of("/").To("r").Emit("n", 1))
	s.events(`["n",1]`)
	ok(t, two.Of("/").To("r").Emit("n", 2))
	moved := begin(t, urlTwo, s)
	if !moved.recovered {
		t.Fatal("not recovered")
	}
	moved.events(`["n",2]`)
	eventually(t, "the socket that was left behind is gone", func() bool { return one.Of("/").Len() == 0 })
	if got := two.Of("/").Rooms(); len(got) != 2 {
		t.Errorf("rooms %v, want the one joined and its own", got)
	}
	s.close()
	ok(t, one.Of("/").To("r").Emit("n", 3))
	moved.events(`["n",3]`)
	back := begin(t, urlOne, moved)
	if !back.recovered {
		t.Error("not recovered by the first server")
	}
	back.ping()
}

func TestAJournalThatFailsIsNoEnd(t *testing.T) {
	t.Parallel()
	log := newSharedLog()
	var out diary
	srv, url := serve(t, Options{
		Recovery: time.Minute, Adapter: log, Logger: slog.New(slog.NewTextHandler(&out, nil)),
	}, rooms)
	s := begin(t, url, nil)
	if err := srv.Of("/").EmitRaw("bad", []byte("[\"\xff\"]")); err == nil {
		t.Error("what is not UTF-8 was emitted")
	}
	log.mu.Lock()
	log.fails = errors.New("journal is broken")
	log.mu.Unlock()
	if err := srv.Of("/").Emit("n"); !errors.Is(err, log.fails) {
		t.Errorf("Emit: %v", err)
	}
	ok(t, srv.Of("/").Volatile().Emit("volatile"))
	s.events(`["volatile"]`)
	s.close()
	if s = begin(t, url, s); s.recovered {
		t.Error("recovered without the journal")
	}
	s.ping()
	log.mu.Lock()
	log.fails = nil
	log.mu.Unlock()
	s.pid = newID()
	s.close()
	if s = begin(t, url, s); s.recovered {
		t.Error("recovered by an unknown pid")
	}
	if logged := out.read(); len(logged) != 1 || !strings.Contains(logged[0], "journal is broken") {
		t.Errorf("logged %q, want the broken journal alone", logged)
	}
}

func TestAJournalThatStumblesIsAskedAgain(t *testing.T) {
	t.Parallel()
	log := newSharedLog()
	srv, url := serve(t, Options{Recovery: time.Minute, Adapter: log}, rooms)
	s := begin(t, url, nil)
	s.close()
	ok(t, srv.Of("/").Emit("n"))
	log.mu.Lock()
	log.stumbles = 2
	log.mu.Unlock()
	s = s.again(url)
	s.events(`["n"]`)
}

// deaf is an adapter that has no journal.
type deaf struct{ err error }

func (d deaf) Open(Local) (Bus, error) { return struct{ Bus }{alone{}}, d.err }

func TestWithoutAJournalNothingChanges(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"off":                       {Adapter: newSharedLog()},
		"no journal in the adapter": {Adapter: deaf{}, Recovery: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out diary
			opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
			srv, url := serve(t, opts, rooms)
			if got := strings.Contains(strings.Join(out.read(), ""), "no journal"); got != (opts.Recovery > 0) {
				t.Errorf("logged %q", out.read())
			}
			p := dial(t, url)
			p.send(`0{"pid":"AZaz09-_AZaz09-_AZaz","offset":"e.1"}`)
			if got := p.next(); strings.Contains(got, "pid") || len(got) != len(`0{"sid":""}`)+idLength {
				t.Errorf("connect was answered by %s", got)
			}
			ns := srv.Of("/")
			ok(t, ns.Emit("n", "text"))
			s := ns.Sockets("")[0]
			ok(t, s.Emit("direct", "text"))
			b := text("delivered")
			b.Offset = "e.1"
			ns.Deliver(b)
			p.want(`2["n","text"]`, `2["direct","text"]`, `2["delivered"]`)
			s.SetOwner("me")
			if s.Recovered() || string(s.Auth()) != `{"pid":"AZaz09-_AZaz09-_AZaz","offset":"e.1"}` {
				t.Errorf("recovered is %v, auth is %s", s.Recovered(), s.Auth())
			}
		})
	}
}

func TestWhenTheAdapterRefusesTheServerRecoversAlone(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{Adapter: deaf{errors.New("refused")}, Recovery: time.Minute}, rooms)
	s := begin(t, url, nil)
	s.close()
	ok(t, srv.Of("/").Emit("n"))
	s = s.again(url)
	s.events(`["n"]`)
}

// slowLog is a journal whose position moves when the test says so.
type slowLog struct {
	alone
	Journal
	at string
}

func (l *slowLog) Position() string { return l.at }
func (l *slowLog) Save(Session)     {}
func (l *slowLog) Release(string)   {}
func (l *slowLog) Forget(string)    {}

func TestAPositionIsNeitherAheadOfTheRoomsNorBehind(t *testing.T) {
	t.Parallel()
	srv := newServer(Options{Recovery: time.Minute})
	ns, log := srv.Of("/"), &slowLog{at: "10"}
	ns.keep(log)
	want := func(when, want string) {
		t.Helper()
		if got := ns.position(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	want("at first", "10")
	log.at = "11"
	want("after broadcasts for rooms of others", "11")
	b := text("n", "r")
	b.Offset = "12"
	ns.Deliver(b)
	want("in the rooms, Deliver has not returned", "12")
	log.at = "12"
	want("Deliver has returned", "12")
	log.at = "13"
	want("others again", "13")
}

func TestAnEventIsMarkedWhenItReachesItsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{Recovery: time.Minute})
		ns, log := srv.Of("/"), &slowLog{at: "1"}
		ns.keep(log)
		list, clients := fakes(srv, 1, "full")
		list[0].stuck = make(chan struct{})
		filler := text("filler", "full")
		filler.Packet.Attachments = [][]byte{make([]byte, maxBuffer)}
		ns.Deliver(filler)
		go ns.Deliver(text("late", "full")) // ends when the room has taken it
		synctest.Wait()
		b := text("n", "elsewhere")
		b.Offset = "1000"
		ns.Deliver(b)
		close(list[0].stuck)
		synctest.Wait()
		sizes := list[0].take()
		if got, want := sizes[len(sizes)-1], size(t, `2["late","1000"]`); got != want {
			t.Errorf("the last frame has %d bytes, want %d", got, want)
		}
		closeAll(clients)
	})
}

func TestStaysOfASessionAreBounded(t *testing.T) {
	t.Parallel()
	var r recovery
	r.enter("kept", "0")
	for range 2 {
		for n := range maxEnded + 5 {
			name := string(rune('a' + n))
			r.enter(name, "1")
			r.enter(name, "2")
			r.exit([]string{name, "other"}, "3")
		}
	}
	if len(r.stays) != maxEnded+1 || r.stays[0] != (Stay{Room: "kept", Since: "0"}) {
		t.Errorf("%d stays, the first is %v", len(r.stays), r.stays[0])
	}
	if last := r.stays[maxEnded]; last != (Stay{string(rune('a' + maxEnded + 4)), "1", "3"}) {
		t.Errorf("the last is %v", last)
	}
}
