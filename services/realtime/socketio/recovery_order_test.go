package socketio

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// player is a client that is cut off again and again, and what it has to receive.
type player struct {
	*session        // its latest connection
	server   int    // to which it is connected; -1 while it is away
	want     []news // not read yet
	in       map[string]bool
}

// news is an event on its way to a player. What is not kept in the journal may be
// lost with a connection.
type news struct {
	text string
	kept bool
}

// read takes the next events.
func (p *player) read(r *rapid.T, n int) {
	for _, want := range p.want[:n] {
		if got := p.event(); got != want.text {
			r.Fatalf("received %s, want %s", got, want.text)
		}
	}
	p.want = p.want[n:]
}

// game is one run of random actions.
type game struct {
	*rapid.T
	urls    []string
	spaces  []*Namespace
	players []*player
	dead    []*peer // connections that nobody closed
}

func (g *game) one(what string, n int) int { return rapid.IntRange(0, n-1).Draw(g.T, what) }

func (g *game) some(what string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID[string]).Draw(g.T, what)
}

// cut ends a connection, or leaves it half open. What was not read and is in no
// journal may be lost.
func (g *game) cut(p *player) {
	if rapid.Bool().Draw(g.T, "half open") {
		g.dead = append(g.dead, p.peer)
	} else {
		p.close()
	}
	p.want = slices.DeleteFunc(p.want, func(n news) bool { return !n.kept })
	p.server = -1
}

// emit broadcasts and notes who receives it.
func (g *game) emit(n int) {
	from := g.one("server", len(g.spaces))
	to, except := g.some("to"), g.some("except")
	if by := g.one("by id", 2*len(g.players)); by < len(g.players) {
		to = append(slices.Clone(to), g.players[by].id)
	}
	if by := g.one("except id", 4*len(g.players)); by < len(g.players) {
		except = append(slices.Clone(except), g.players[by].id)
	}
	target := g.spaces[from].To(to...).Except(except...)
	kind := g.one("kind", 6)
	switch kind {
	case 0:
		target = target.Volatile()
	case 1:
		target = target.Local()
	}
	if err := target.Emit("n", n, "tail"); err != nil {
		g.Fatal(err)
	}
	for _, p := range g.players {
		in := func(room string) bool { return p.in[room] }
		switch {
		case len(to) > 0 && !slices.ContainsFunc(to, in) || slices.ContainsFunc(except, in):
		case kind == 0 && p.server < 0, kind == 1 && p.server != from:
		default:
			p.want = append(p.want, news{fmt.Sprintf(`2["n",%d,"tail"]`, n), kind > 1})
		}
	}
}

// act lets something happen to a player that is there.
func (g *game) act(p *player, n int) {
	socket := g.spaces[p.server].Sockets(p.id)[0]
	switch g.one("action", 6) {
	case 0:
		to := g.some("join")
		socket.Join(to...)
		for _, name := range to {
			p.in[name] = true
		}
	case 1:
		from := g.some("leave")
		socket.Leave(from...)
		for _, name := range from {
			delete(p.in, name)
		}
	case 2, 3:
		if err := socket.Emit("n", n, "tail"); err != nil {
			g.Fatal(err)
		}
		p.want = append(p.want, news{fmt.Sprintf(`2["n",%d,"tail"]`, n), false})
	case 4:
		p.read(g.T, g.one("read", len(p.want)+1))
	default:
		g.cut(p)
	}
}

// TestNothingIsLostDoubledOrReordered compares what clients receive that are cut
// off and come back, here and to another process, with what one call after another
// would give.
func TestNothingIsLostDoubledOrReordered(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{1, 2} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) { play(t, r, processes) })
		})
	}
}

func play(t *testing.T, r *rapid.T, processes int) {
	g := &game{T: r}
	opts := Options{Recovery: time.Minute}
	if processes > 1 {
		opts.Adapter = newSharedLog()
	}
	for range processes {
		srv, web := start(opts, rooms)
		defer stop(t, srv, web)
		fill(srv, bigRoom, "c") // broadcasts linger in it
		g.urls, g.spaces = append(g.urls, web.URL), append(g.spaces, srv.Of("/"))
	}
	for range 3 {
		p := &player{session: begin(t, g.urls[0], nil)}
		p.in = map[string]bool{p.id: true}
		g.players = append(g.players, p)
	}
	defer func() {
		for _, p := range g.players {
			p.close()
		}
		for _, p := range g.dead {
			p.close()
		}
	}()
	come := func(p *player) {
		p.server = g.one("server", processes)
		p.session = begin(t, g.urls[p.server], p.session)
		if !p.recovered {
			r.Fatal("not recovered")
		}
	}
	for n := range 60 {
		p := g.players[g.one("player", len(g.players))]
		switch {
		case rapid.Bool().Draw(r, "emit"):
			g.emit(n)
		case p.server < 0:
			come(p)
		default:
			g.act(p, n)
		}
	}
	for _, p := range g.players {
		if p.server < 0 {
			come(p)
		}
		p.read(r, len(p.want))
		// A direct emit must not take the client back to what it has seen.
		ok(t, g.spaces[p.server].Sockets(p.id)[0].Emit("n", -1, "tail"))
		p.events(`["n",-1,"tail"]`)
		g.cut(p)
		come(p)
		p.ping()
	}
}

// TestManyEmittersLoseNothing emits from several goroutines, some events in no
// journal, while clients are cut off all the time.
func TestManyEmittersLoseNothing(t *testing.T) {
	t.Parallel()
	const emitters, each, clients = 3, 400, 4
	for name, adapter := range map[string]Adapter{"memory": nil, "shared": newSharedLog()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, url := serve(t, Options{Recovery: time.Minute, Adapter: adapter}, rooms)
			ns := srv.Of("/")
			fill(srv, bigRoom, "big")
			list := make([]*session, clients)
			for i := range list {
				list[i] = begin(t, url, nil)
				list[i].joinRooms("big", "small", fmt.Sprint("own", i))
			}
			var group, readers sync.WaitGroup
			var lost atomic.Int64
			for e := range emitters {
				group.Go(func() {
					for n := range each {
						target := [][]string{{"big"}, {"small"}, {"big", "small"}, {}, {"own0", "own1", "own2", "own3"}}[n%5]
						ok(t, ns.To(target...).Emit("n", e, n))
						ok(t, ns.Volatile().To(target...).Emit("volatile", "tail"))
						for _, s := range ns.Sockets("own0") {
							_ = s.Emit("direct", "tail") // it may be gone
						}
					}
				})
			}
			for i := range list {
				readers.Go(func() { lost.Add(int64(list[i].readAll(url, i, emitters, each))) })
			}
			group.Wait()
			readers.Wait()
			if lost.Load() > 0 {
				t.Errorf("%d events not as they should be", lost.Load())
			}
		})
	}
}

// readAll reads the events of all emitters and is cut off now and then. It returns
// how many were lost, doubled or out of order.
func (s *session) readAll(url string, seed, emitters, each int) (wrong int) {
	next := make([]int, emitters)
	for left, read := emitters*each, 0; left > 0; read++ {
		if read%(101+seed) == 100 {
			s = s.again(url)
		}
		var got []any
		if err := json.Unmarshal([]byte(s.event()[1:]), &got); err != nil {
			s.t.Error(err)
			return left
		}
		if got[0] != "n" {
			continue
		}
		e, n := int(got[1].(float64)), int(got[2].(float64))
		if n != next[e] {
			wrong++
		}
		next[e] = n + 1
		left--
	}
	s.send(`2987654["ping"]`)
	for text := s.next(); text != `3987654[]`; text = s.next() {
		if strings.HasPrefix(text, `2["n"`) {
			wrong++
		}
	}
	return wrong
}
