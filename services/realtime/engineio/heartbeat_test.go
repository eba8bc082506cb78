package engineio

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of in-memory connections: inside a synctest bubble a real
// socket would stop the clock for ever.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// bubble runs a test with a server on pipes and a clock that jumps.
func bubble(t *testing.T, opts Options, act func(*Session, []byte, bool), run func(t *testing.T, r *rig, dial func() (*client, *recorder))) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{accepted: make(chan *recorder, 64)}
		r.Server = NewServer(opts, func(s *Session) Handler {
			h := &recorder{session: s, act: act, closed: make(chan Reason, 1)}
			r.accepted <- h
			return h
		})
		listener := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		web := &http.Server{Handler: r.Server}
		served := make(chan struct{})
		go func() { // ends with the listener
			defer close(served)
			_ = web.Serve(listener)
		}()
		run(t, r, func() (*client, *recorder) {
			here, there := net.Pipe()
			listener.conns <- there
			c := upgraded(t, here, "EIO=4&transport=websocket")
			_ = c.SetDeadline(time.Time{})
			c.text(t)
			return c, r.next(t)
		})
		if err := r.Shutdown(context.Background(), 0); err != nil {
			t.Errorf("shut down: %v", err)
		}
		_ = web.Close()
		<-served
	})
}

func TestPingFollowsThePongByTheInterval(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		c, _ := dial()
		last := time.Now()
		for i, delay := range []time.Duration{0, 3 * time.Second, 19 * time.Second} {
			if got := c.text(t); got != "2" {
				t.Fatalf("packet %q, want a ping", got)
			}
			if got := time.Since(last); got < 25*time.Second || got > 25*time.Second+20*time.Millisecond {
				t.Errorf("ping %d came after %v, want 25 s", i, got)
			}
			<-time.After(delay)
			c.say(t, "3")
			last = time.Now()
		}
		c.Close()
	})
}

func TestSilentClientTimesOut(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		began := time.Now()
		c, h := dial()
		if got := c.text(t); got != "2" {
			t.Fatalf("packet %q, want a ping", got)
		}
		if got := c.code(t); got != 1008 {
			t.Errorf("close code %d, want 1008", got)
		}
		if got := <-h.closed; got != PingTimeout {
			t.Errorf("reason %q, want %q", got, PingTimeout)
		}
		if got := time.Since(began); got < 45*time.Second || got > 45*time.Second+50*time.Millisecond {
			t.Errorf("closed after %v, want 45 s", got)
		}
	})
}

// TestTrafficIsNoPong: messages of the client do not stand for a pong, and a
// pong nobody asked for puts the next ping off.
func TestTrafficIsNoPong(t *testing.T) {
	bubble(t, Options{PingInterval: 10 * time.Second, PingTimeout: 5 * time.Second}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		began := time.Now()
		c, h := dial()
		<-time.After(6 * time.Second)
		c.say(t, "3")
		if got := c.text(t); got != "2" {
			t.Fatalf("packet %q, want a ping", got)
		}
		if got := time.Since(began).Round(time.Second); got != 16*time.Second {
			t.Errorf("ping after %v, want 16 s", got)
		}
		c.say(t, "4a", "4b")
		if got := <-h.closed; got != PingTimeout {
			t.Errorf("reason %q, want %q", got, PingTimeout)
		}
		if got := time.Since(began).Round(time.Second); got != 21*time.Second {
			t.Errorf("closed after %v, want 21 s", got)
		}
		c.Close()
	})
}

// TestManySessionsKeepTheirOwnTime: sessions that came at different times are
// pinged and lost at their own times by the one sweep.
func TestManySessionsKeepTheirOwnTime(t *testing.T) {
	bubble(t, Options{PingInterval: 10 * time.Second, PingTimeout: 5 * time.Second}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		var wg sync.WaitGroup
		for i := range 20 {
			born := time.Now()
			c, h := dial()
			wg.Go(func() { // ends with the session
				for range i % 4 {
					c.text(t)
					c.say(t, "3")
				}
				c.text(t)
				want := time.Duration(i%4+1)*10*time.Second + 5*time.Second
				<-h.closed
				if got := time.Since(born); got < want || got > want+100*time.Millisecond {
					t.Errorf("session %d ended after %v, want %v", i, got, want)
				}
				c.Close()
			})
			<-time.After(700 * time.Millisecond)
		}
		wg.Wait()
		if got := r.Len(); got != 0 {
			t.Errorf("%d sessions are left", got)
		}
	})
}

// TestClientThatTakesNothingIsCutInTime: on a connection that cannot be asked
// for room the queue and its deadline work alike.
func TestClientThatTakesNothingIsCutInTime(t *testing.T) {
	bubble(t, Options{StallTimeout: 8 * time.Second}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		c, h := dial()
		synctest.Wait() // for the drainer of the open packet
		began := time.Now()
		if !h.session.Writable() {
			t.Error("an idle session is not writable")
		}
		h.session.Send(NewFrame(Message{Data: []byte("nobody reads this")}))
		if h.session.Writable() {
			t.Error("a session with a waiting frame is writable")
		}
		if got := <-h.closed; got != TransportError {
			t.Errorf("reason %q, want %q", got, TransportError)
		}
		if got := time.Since(began); got != 8*time.Second {
			t.Errorf("cut after %v, want 8 s", got)
		}
		c.Close()
	})
}
