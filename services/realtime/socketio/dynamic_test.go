package socketio

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestADynamicNamespaceLivesWhileSomebodyIsInIt(t *testing.T) {
	t.Parallel()
	var d *Dynamic
	var seen atomic.Int64
	srv, url := serve(t, Options{}, func(srv *Server) {
		d = srv.OfRegexp(regexp.MustCompile(`/table-\d+`))
		d.Use(func(s *Socket) error {
			if strings.HasSuffix(s.Namespace().Name(), "-13") {
				return &ConnectError{Message: "closed"}
			}
			return nil
		})
		d.OnConnect(func(s *Socket) {
			seen.Add(1)
			s.Join("seats")
			s.On("who", func(_ Args, ack Ack) { ack(s.Namespace().Name()) })
		})
	})
	for _, unknown := range []string{"/table-", "/table-1x", "/x/table-1"} {
		p := dial(t, url)
		p.send("0" + unknown + ",")
		if got := p.next(); got != `4`+unknown+`,{"message":"Invalid namespace"}` {
			t.Errorf("%s: %s", unknown, got)
		}
	}
	a, b := join(t, url, "/table-1"), join(t, url, "/table-1")
	c := join(t, url, "/table-2")
	eventually(t, "all have connected", func() bool { return seen.Load() == 3 })
	if n := len(d.Namespaces()); n != 2 {
		t.Fatalf("%d namespaces", n)
	}
	a.send(`2/table-1,7["who"]`)
	if got := a.next(); got != `3/table-1,7["/table-1"]` {
		t.Errorf("got %s", got)
	}
	ok(t, d.Emit("all", 1))
	for _, p := range []*peer{a, b} {
		if got := p.next(); got != `2/table-1,["all",1]` {
			t.Errorf("got %s", got)
		}
	}
	if got := c.next(); got != `2/table-2,["all",1]` {
		t.Errorf("got %s", got)
	}
	a.send("1/table-1,") // one of two leaves
	c.close()
	eventually(t, "the empty namespace is gone", func() bool { return len(d.Namespaces()) == 1 })
	if names := srv.names(); len(names) != 2 {
		t.Errorf("there are %v", names)
	}
	b.close()
	eventually(t, "both are gone", func() bool { return len(srv.names()) == 1 })
	// A refused client does not keep one either.
	p := dial(t, url)
	p.send("0/table-13,")
	if got := p.next(); got != `4/table-13,{"message":"closed"}` {
		t.Errorf("got %s", got)
	}
	eventually(t, "no namespace is left of a refusal", func() bool { return len(srv.names()) == 1 })
	join(t, url, "/table-1") // it can come back
}

// names are those of all namespaces.
func (srv *Server) names() (all []string) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for name := range srv.namespaces {
		all = append(all, name)
	}
	return all
}

func TestDynamicNamespacesAreBounded(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{MaxDynamic: 2}, func(srv *Server) { srv.OfMatch(func(string) bool { return true }) })
	p := dial(t, url)
	p.connect("/a")
	p.connect("/b")
	p.send("0/c,")
	if got := p.next(); got != `4/c,{"message":"Too many namespaces"}` {
		t.Errorf("got %s", got)
	}
	p.send("1/a,")
	eventually(t, "a place is free", func() bool {
		q := dial(t, url)
		defer q.close()
		q.send("0/c,")
		return strings.HasPrefix(q.next(), `0/c,{"sid"`)
	})
}

// Clients come and go in the same few namespaces: whoever comes while one is being
// closed gets the next of that name, and hears what is said there.
func TestComingBackWhileANamespaceCloses(t *testing.T) {
	t.Parallel()
	adapter := &slowToClose{}
	srv, url := serve(t, Options{Adapter: adapter}, func(srv *Server) {
		srv.OfMatch(func(string) bool { return true }).OnConnect(func(s *Socket) {
			s.Join("room")
			s.On("say", func(args Args, _ Ack) { _ = s.Namespace().To("room").EmitRaw("said", args.From(0)) })
		})
	})
	p := dial(t, url)
	for i := range 50 {
		name := fmt.Sprintf("/n%d", i%2)
		p.connect(name)
		p.send(fmt.Sprintf(`2%s,["say",%d]`, name, i))
		if got, want := p.next(), fmt.Sprintf(`2%s,["said",%d]`, name, i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		p.send("1" + name + ",")
	}
	p.close()
	eventually(t, "all are closed", func() bool { return len(srv.names()) == 1 })
	if open, most := adapter.open.Load(), adapter.twice.Load(); open != 1 || most {
		t.Errorf("%d are open at the adapter, one name twice: %v", open, most)
	}
}

// slowToClose is an adapter whose buses take a while to close.
type slowToClose struct {
	open  atomic.Int64
	twice atomic.Bool
	names [256]atomic.Bool // by last byte
}

func (a *slowToClose) Open(ns Local) (Bus, error) {
	name := ns.Name()
	at := &a.names[name[len(name)-1]]
	if at.Swap(true) {
		a.twice.Store(true)
	}
	a.open.Add(1)
	return slowBus{alone{}, a, at}, nil
}

type slowBus struct {
	alone
	adapter *slowToClose
	at      *atomic.Bool
}

func (b slowBus) Close() error {
	<-time.After(5 * time.Millisecond)
	b.at.Store(false)
	b.adapter.open.Add(-1)
	return nil
}
