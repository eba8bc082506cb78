package socketio

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// fake is a session that keeps the sizes of what is sent to it.
type fake struct {
	mu     sync.Mutex
	sizes  []int
	slow   bool          // not writable
	stuck  chan struct{} // Send waits until it is closed, unless nil
	closed []engineio.Reason
}

func (f *fake) Send(frame *engineio.Frame) bool {
	if f.stuck != nil {
		<-f.stuck
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes = append(f.sizes, frame.Size())
	return true
}

func (f *fake) Writable() bool { return !f.slow }

func (f *fake) Close(why engineio.Reason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = append(f.closed, why)
}

func (f *fake) reasons() []engineio.Reason {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.closed)
}

// take returns what was sent since the last call.
func (f *fake) take() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	sizes := f.sizes
	f.sizes = nil
	return sizes
}

// fakes connects fake sessions to "/" and puts them into a room.
func fakes(srv *Server, n int, room string) (list []*fake, clients []*client) {
	ns := srv.Of("/")
	ids := make(map[string]bool)
	for range n {
		f := new(fake)
		c := newClient(srv, f, new(engineio.Handshake))
		c.Message([]byte("0"), false)
		list, clients = append(list, f), append(clients, c)
	}
	srv.workers.Wait()
	for _, c := range clients {
		s := c.sockets[0]
		ids[s.ID()] = true
		s.Join(room)
	}
	for _, f := range list {
		f.take() // the answer to the connect
	}
	if len(ids) != n || ns.Len() < n {
		panic("not all fakes are connected")
	}
	return list, clients
}

// pass lets time pass in a bubble, and all that is due then happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// fill puts members into a room who do nothing.
func fill(srv *Server, n int, room string) { fakes(srv, n, room) }

func size(t *testing.T, packets ...string) (n int) {
	t.Helper()
	for _, text := range packets {
		n += engineio.NewFrame(engineio.Message{Data: []byte(text)}).Size()
	}
	return n
}

func TestABigRoomWritesOncePerMillisecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, bigRoom, "r")
		for n := range 5 {
			ok(t, srv.Of("/").To("r").Emit("n", n))
		}
		synctest.Wait()
		if got := list[0].take(); got != nil {
			t.Errorf("sent %v without lingering", got)
		}
		pass(linger)
		whole := size(t, `2["n",0]`, `2["n",1]`, `2["n",2]`, `2["n",3]`, `2["n",4]`)
		for i, f := range list {
			if diff := cmp.Diff([]int{whole}, f.take()); diff != "" {
				t.Errorf("member %d: %s", i, diff)
			}
		}
		closeAll(clients)
	})
}

func TestTheEndWaitsForWhatLingers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, bigRoom, "r")
		ok(t, srv.Of("/").To("r").Emit("last"))
		if err := srv.closeNamespaces(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]int{size(t, `2["last"]`)}, list[0].take()); diff != "" {
			t.Error(diff)
		}
		closeAll(clients)
	})
}

func TestASmallRoomWritesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, bigRoom-1, "r")
		ok(t, srv.Of("/").To("r").Emit("n", 0))
		synctest.Wait() // no time passes
		if diff := cmp.Diff([]int{size(t, `2["n",0]`)}, list[7].take()); diff != "" {
			t.Error(diff)
		}
		closeAll(clients)
	})
}

func TestADirectEmitTakesAlongWhatTheRoomHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, bigRoom, "r")
		s := clients[0].sockets[0]
		ok(t, srv.Of("/").To("r").Emit("n", 0))
		ok(t, s.To("r").Emit("not for the sender"))
		ok(t, s.Emit("direct"))
		if diff := cmp.Diff([]int{size(t, `2["n",0]`, `2["direct"]`)}, list[0].take()); diff != "" {
			t.Error(diff)
		}
		ok(t, srv.Of("/").To("r").Emit("n", 1))
		s.Leave("r")
		if diff := cmp.Diff([]int{size(t, `2["n",1]`)}, list[0].take()); diff != "" {
			t.Errorf("leaving: %s", diff)
		}
		pass(linger)
		if got := list[0].take(); got != nil {
			t.Errorf("served twice: %v", got)
		}
		if diff := cmp.Diff([]int{size(t, `2["n",0]`, `2["not for the sender"]`, `2["n",1]`)}, list[1].take()); diff != "" {
			t.Errorf("another member: %s", diff)
		}
		closeAll(clients)
	})
}

func TestVolatileSkipsASlowPlayer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, bigRoom, "r")
		list[0].slow = true
		room := srv.Of("/").To("r")
		ok(t, room.Volatile().Emit("tick"))
		ok(t, room.Emit("round"))
		pass(linger)
		if diff := cmp.Diff([]int{size(t, `2["round"]`)}, list[0].take()); diff != "" {
			t.Errorf("slow: %s", diff)
		}
		if diff := cmp.Diff([]int{size(t, `2["tick"]`, `2["round"]`)}, list[1].take()); diff != "" {
			t.Errorf("fast: %s", diff)
		}
		ok(t, clients[0].sockets[0].Volatile().Emit("tick"))
		if got := list[0].take(); got != nil {
			t.Errorf("a volatile emit was sent to a slow socket: %v", got)
		}
		closeAll(clients)
	})
}

func TestEmitWaitsWhileARoomIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		list, clients := fakes(srv, 1, "r")
		list[0].stuck = make(chan struct{})
		body := make([]byte, 50<<10)
		emitted := make(chan int, 20)
		go func() { // ends when the room has taken all
			for n := range 20 {
				ok(t, srv.Of("/").To("r").Emit("big", body))
				emitted <- n
			}
			close(emitted)
		}()
		synctest.Wait()
		if got, want := len(emitted), 6; got != want {
			t.Errorf("%d emits returned while nothing is taken, want %d", got, want)
		}
		close(list[0].stuck)
		synctest.Wait()
		if got := len(emitted); got != 20 {
			t.Errorf("%d emits returned, want all", got)
		}
		total := 0
		for _, n := range list[0].take() {
			total += n
		}
		if total < 20*len(body) {
			t.Errorf("%d bytes sent, want more than %d", total, 20*len(body))
		}
		closeAll(clients)
	})
}

func TestConnectTimeoutIs45Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		f := new(fake)
		newClient(srv, f, nil)
		pass(45*time.Second - 1)
		if got := f.reasons(); got != nil {
			t.Errorf("closed too early: %v", got)
		}
		pass(1)
		if got := f.reasons(); !slices.Equal(got, []Reason{engineio.ForcedServerClose}) {
			t.Errorf("closed with %v", got)
		}
	})
}

func TestEventsFasterThanTheirHandlerCloseTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		hold := make(chan struct{})
		srv.Of("/").OnConnect(func(s *Socket) { s.On("a", func(Args, Ack) { <-hold }) })
		list, clients := fakes(srv, 1, "r")
		begin := time.Now()
		for range maxInbox + 1 {
			clients[0].Message([]byte(`2["a"]`), false)
			synctest.Wait()
		}
		if since := time.Since(begin); since != 0 {
			t.Errorf("reading stopped for %v with room in the inbox", since)
		}
		clients[0].Message([]byte(`2["a"]`), false)
		if since := time.Since(begin); since != patience {
			t.Errorf("reading stopped for %v, want %v", since, patience)
		}
		if got := fmt.Sprint(list[0].reasons()); got != "[forced server close]" {
			t.Errorf("closed with %s", got)
		}
		close(hold)
		closeAll(clients)
	})
}

func TestAClientThatComesAndGoesIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(Options{})
		hold := make(chan struct{})
		var held atomic.Bool
		srv.Of("/").OnConnect(func(*Socket) {
			if held.Load() {
				<-hold
			}
		})
		list, clients := fakes(srv, 1, "r")
		again := func() {
			clients[0].Message([]byte("1"), false)
			clients[0].Message([]byte("0"), false)
			synctest.Wait()
		}
		for range 3 * maxSockets {
			again()
		}
		if got := list[0].reasons(); got != nil {
			t.Fatalf("closed with %v while all handlers return", got)
		}
		held.Store(true)
		for range maxSockets {
			again()
		}
		if got := list[0].reasons(); got != nil {
			t.Fatalf("closed with %v before the limit", got)
		}
		again()
		if got := fmt.Sprint(list[0].reasons()); got != "[forced server close]" {
			t.Errorf("closed with %s", got)
		}
		close(hold)
		closeAll(clients)
	})
}

// closeAll ends the timers of clients.
func closeAll(clients []*client) {
	for _, c := range clients {
		c.Closed(engineio.TransportClose)
	}
}
