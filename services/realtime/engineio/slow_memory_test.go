package engineio

import (
	"fmt"
	"testing"
	"time"
)

// room reports whether a session that reads nothing takes another frame.
func (s *Session) room(f *Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch t := s.wire.(type) {
	case *socket:
		c := t.conn
		c.mu.Lock()
		defer c.mu.Unlock()
		return !c.draining || c.fits(len(f.wire))
	case *poller:
		return len(t.queue) == 0 || !t.slow(len(f.wire))
	}
	return false
}

// brim fills the queues of sessions that read nothing, and returns how many
// bytes it sent. What the kernel still takes makes room, so it goes round until
// nobody takes more.
func brim(t *testing.T, slow []*recorder, size int) (sent int) {
	t.Helper()
	for more, rounds := true, 0; more || rounds < 3; rounds++ {
		more = false
		for _, h := range slow {
			// Every frame is the session's own: nobody shares the cost.
			for f := numbered(0, size); h.session.room(f); f = numbered(0, size) {
				if !h.session.Send(f) {
					t.Fatal("cut with room left")
				}
				sent += f.Size()
				more = true
			}
		}
	}
	return sent
}

// TestClientsThatNeverReadCostLittle: filled to the brim, such clients cost the
// server at most 256 KiB each, whatever the size of what they are sent; then
// they are cut, and nothing stays behind. It runs beside no other test, because
// it looks at the heap of the process.
func TestClientsThatNeverReadCostLittle(t *testing.T) {
	const most = 256 << 10
	byWebsocket := func(t *testing.T, r *rig) *recorder {
		c, h := r.narrow(t)
		c.in = nil // what the client keeps is not the server's cost
		return h
	}
	byPolling := func(t *testing.T, r *rig) *recorder { return r.poll(t).recorder }
	for _, test := range []struct {
		name    string
		clients int
		connect func(*testing.T, *rig) *recorder
		size    int // of a message, in bytes
	}{
		{"tiny messages", 50, byWebsocket, 1},
		{"messages of 150 bytes", 200, byWebsocket, 150},
		{"messages of 10,000 bytes", 200, byWebsocket, 10_000},
		{"messages of 150 bytes by polling", 50, byPolling, 150},
		{"messages of 10,000 bytes by polling", 200, byPolling, 10_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, both(Options{SendBuffer: 4 << 10, StallTimeout: time.Minute}), nil)
			before := heap()
			var slow []*recorder
			for range test.clients {
				slow = append(slow, test.connect(t, r))
			}
			sent := brim(t, slow, test.size)
			cost := (heap() - before) / float64(test.clients)
			t.Logf("%d clients: %.0f KiB each after %d KiB were sent", test.clients, cost/1024, sent/test.clients/1024)
			if cost > most {
				t.Errorf("a client that never reads costs %.0f bytes, want %d at most", cost, most)
			}
			for _, h := range slow {
				// Above the limit even if the kernel has just taken a batch.
				for n := 0; h.session.Send(numbered(0, 40<<10)); n++ {
					if n > 4 {
						t.Fatal("the queue has no end")
					}
				}
				if got := h.reason(t); got != TransportError {
					t.Errorf("reason %q, want %q", got, TransportError)
				}
			}
			clear(slow) // they are garbage then
			until(t, "all are gone", func() bool { return r.Len() == 0 })
			if rest := (heap() - before) / float64(test.clients); rest > 32<<10 {
				t.Errorf("%.0f bytes of each stay behind", rest)
			}
		})
	}
}

// TestWhatAClientHasMissedDoesNotCutIt: a frame above the limit takes its time,
// and what follows it waits under the limit of its own.
func TestWhatAClientHasMissedDoesNotCutIt(t *testing.T) {
	t.Parallel()
	const limit, missed = 64 << 10, 4 << 20
	r := start(t, both(Options{QueueLimit: limit, SendBuffer: 8 << 10}), nil)
	for _, test := range []struct {
		name    string
		session *recorder
	}{
		{"websocket", func() *recorder { _, h := r.narrow(t); return h }()},
		{"polling", r.poll(t).recorder},
	} {
		s := test.session.session
		if !s.Send(numbered(0, missed)) {
			t.Fatalf("%s: the large frame cut the client", test.name)
		}
		for sent := 0; sent < limit/2; {
			f := numbered(1, 1000)
			if !s.Send(f) {
				t.Fatalf("%s: cut with %d bytes behind the large frame", test.name, sent)
			}
			sent += f.Size()
		}
		for n := 0; s.Send(numbered(1, 1000)); n++ {
			if n > limit/1000 {
				t.Fatalf("%s: no limit behind the large frame", test.name)
			}
		}
		if got := test.session.reason(t); got != TransportError {
			t.Errorf("%s: reason %q, want %q", test.name, got, TransportError)
		}
	}
}

// TestPollingClientThatLeavesMessagesWaitingIsCut: with few bytes, too.
func TestPollingClientThatLeavesMessagesWaitingIsCut(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{StallTimeout: 50 * time.Millisecond}), nil)
	c := r.poll(t)
	began := time.Now()
	n := 0
	until(t, "cut", func() bool {
		n++
		return !c.session.Send(NewFrame(Message{Data: fmt.Append(nil, n)}))
	})
	if got := time.Since(began); got < 50*time.Millisecond {
		t.Errorf("cut after %v", got)
	}
	c.wantReason(t, TransportError)
}
