package engineio

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// narrow connects a client whose receive buffer is small, so that the server
// soon cannot write.
func (r *rig) narrow(t testing.TB) (*client, *recorder) {
	t.Helper()
	conn := tcp(t, r.addr)
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatalf("shrink the buffer: %v", err)
	}
	c := upgraded(t, conn, "EIO=4&transport=websocket")
	c.text(t)
	return c, r.next(t)
}

// widen gives a narrow client room, for it now reads in earnest.
func (c *client) widen(t *testing.T) {
	t.Helper()
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(1 << 20); err != nil {
		t.Fatalf("widen the buffer: %v", err)
	}
}

// stuff sends numbered frames until the session queues.
func stuff(t *testing.T, s *Session, size int) int {
	t.Helper()
	for n := range 100_000 {
		if !s.Writable() {
			return n
		}
		if !s.Send(numbered(n, size)) {
			t.Fatal("the session was cut before it queued")
		}
	}
	t.Fatal("the kernel takes without end")
	return 0
}

func numbered(n, size int) *Frame {
	return NewFrame(Message{Data: fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", size))})
}

func TestSlowReaderIsCutWithoutDelayingOthers(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	r := start(t, Options{QueueLimit: limit}, nil)
	_, slow := r.narrow(t)
	c, fast := r.connect(t)
	stuff(t, slow.session, 1000)
	frame := numbered(1, 1000)
	var took []time.Duration
	sent := 0
	for slow.session.Send(frame) {
		began := time.Now()
		if !fast.session.Send(frame) {
			t.Fatal("the fast session was cut")
		}
		c.text(t)
		took = append(took, time.Since(began))
		if sent += frame.Size(); sent > 2*limit {
			t.Fatal("the slow session is not cut")
		}
	}
	if got := slow.reason(t); got != TransportError {
		t.Errorf("reason %q, want %q", got, TransportError)
	}
	if got := r.Tally(); got != (Tally{Slow: 1}) {
		t.Errorf("tally %+v, want one slow client", got)
	}
	if sent < limit/2 {
		t.Errorf("cut after %d queued bytes, want about %d", sent, limit)
	}
	worst := time.Duration(0)
	for _, d := range took {
		worst = max(worst, d)
	}
	if worst > time.Second {
		t.Errorf("the fast client waited %v", worst)
	}
	until(t, "only the fast session is left", func() bool { return r.Len() == 1 })
}

// TestSlowReaderThatReturnsMissesNothing: what was queued arrives whole and in
// order, with the control frames between the messages, not inside.
func TestSlowReaderThatReturnsMissesNothing(t *testing.T) {
	t.Parallel()
	r := start(t, Options{QueueLimit: 8 << 20}, nil)
	c, h := r.narrow(t)
	sent := stuff(t, h.session, 5000)
	for range 20 {
		h.session.Send(numbered(sent, 5000))
		sent++
		c.put(t, mask(0x89, "probe")) // the pong has to queue up behind the rest
	}
	h.session.Send(numbered(sent, 100_000))
	sent++
	c.widen(t)
	pongs := 0
	for next := 0; next < sent || pongs < 20; {
		first, payload, err := c.frame()
		switch {
		case err != nil:
			t.Fatalf("after %d messages: %v", next, err)
		case first == finPong:
			if string(payload) != "probe" {
				t.Fatalf("pong %q", payload)
			}
			pongs++
		default:
			if want := fmt.Sprintf("4%d x", next); !strings.HasPrefix(string(payload), want) || strings.Trim(string(payload[len(want):]), "x") != "" {
				t.Fatalf("message %.20q, want %q", payload, want)
			}
			next++
		}
	}
	until(t, "the queue is empty", h.session.Writable)
	h.session.Send(NewFrame(Message{Data: []byte("on the fast path again")}))
	if got := c.text(t); got != "4on the fast path again" {
		t.Errorf("client read %q", got)
	}
}

func TestOneFrameBeyondTheLimitIsTakenByAnEmptyQueue(t *testing.T) {
	t.Parallel()
	r := start(t, Options{QueueLimit: 1000}, nil)
	c, h := r.connect(t)
	const size = 12 << 20 // more than the kernel takes for a client that does not read
	large := numbered(1, size)
	_ = c.SetDeadline(time.Now().Add(patience))
	if !h.session.Send(large) {
		t.Fatal("a large frame cut a client that had nothing waiting")
	}
	if h.session.Writable() {
		t.Fatal("the kernel took the whole frame: nothing was queued")
	}
	if got := c.text(t); len(got) != size+3 {
		t.Errorf("client read %d bytes", len(got))
	}
}

func TestStalledClientIsCut(t *testing.T) {
	t.Parallel()
	r := start(t, Options{StallTimeout: 50 * time.Millisecond}, nil)
	_, h := r.narrow(t)
	stuff(t, h.session, 1000)
	if got := h.reason(t); got != TransportError {
		t.Errorf("reason %q, want %q", got, TransportError)
	}
	if got := r.Tally(); got != (Tally{Slow: 1}) {
		t.Errorf("tally %+v, want one slow client", got)
	}
}

// TestClosingASlowReaderEnds: the close frame waits behind the queue, but not
// for ever.
func TestClosingASlowReaderEnds(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	_, h := r.narrow(t)
	stuff(t, h.session, 1000)
	h.session.Close(ForcedClose)
	if got := h.reason(t); got != ForcedClose {
		t.Errorf("reason %q, want %q", got, ForcedClose)
	}
}
