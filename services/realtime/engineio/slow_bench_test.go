package engineio

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkBesideSlowClients sends a frame of some 150 bytes to 300 clients every 5 ms:
// to 200 that read and then to 100 others, and to 200 that never read, who are cut and
// come back all the while, and then to the others. It reports how long a frame takes
// until one of the others has read it: the p99 of both is to be the same but for 10%.
func BenchmarkBesideSlowClients(b *testing.B) {
	for _, slow := range []int{0, 200} {
		b.Run(fmt.Sprintf("slow-%d", slow), func(b *testing.B) {
			r := start(b, Options{SendBuffer: 4 << 10}, nil)
			h := newHall(b, r, 100, 200-slow, slow)
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			sent := 0
			for b.Loop() {
				<-tick.C
				h.send()
				sent++
			}
			took := h.end(sent)
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms-p50")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "ms-p99")
			b.ReportMetric(float64(h.cuts), "cuts")
		})
	}
}

// hall is a room of clients that read and clients that do not.
type hall struct {
	fast []*Session
	more []*Session // that read, too, and are not asked how long it took
	done chan struct{}
	wg   sync.WaitGroup

	mu   sync.Mutex
	slow map[*Session]struct{}
	took []time.Duration
	cuts int
	read map[*Session]int
}

func newHall(b *testing.B, r *rig, fast, more, slow int) *hall {
	b.Helper()
	h := &hall{done: make(chan struct{}), slow: make(map[*Session]struct{}), read: make(map[*Session]int)}
	for i := range fast + more {
		c, at := r.connect(b)
		_ = c.SetDeadline(time.Time{})
		if i < fast {
			h.fast = append(h.fast, at.session)
			h.wg.Go(func() { h.listen(c, at.session) }) // ends with the connection
			continue
		}
		h.more = append(h.more, at.session)
		h.wg.Go(func() { // ends with the connection
			for {
				if _, _, err := c.frame(); err != nil {
					return
				}
			}
		})
	}
	for range slow {
		first, at := h.deaf(b, r)
		h.wg.Go(func() { // ends with the run
			defer func() { first.Close() }()
			for {
				select {
				case <-at.closed:
				case <-h.done:
					return
				}
				first.Close()
				h.mu.Lock()
				delete(h.slow, at.session)
				h.cuts++
				h.mu.Unlock()
				first, at = h.deaf(b, r)
			}
		})
	}
	return h
}

// deaf connects a client that never reads. Only one goroutine after the other
// may take what the rig accepted, so it holds the lock.
func (h *hall) deaf(b *testing.B, r *rig) (*client, *recorder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, at := r.narrow(b)
	h.slow[at.session] = struct{}{}
	return c, at
}

// listen notes how long each frame took.
func (h *hall) listen(c *client, s *Session) {
	for {
		first, payload, err := c.frame()
		if err != nil || first == finClose {
			return
		}
		var at int64
		if _, err := fmt.Sscanf(string(payload), "4%d ", &at); err != nil {
			continue // the heartbeat
		}
		h.mu.Lock()
		h.took = append(h.took, time.Duration(time.Now().UnixNano()-at))
		h.read[s]++
		h.mu.Unlock()
	}
}

func (h *hall) send() {
	h.mu.Lock()
	slow := make([]*Session, 0, len(h.slow))
	for s := range h.slow {
		slow = append(slow, s)
	}
	h.mu.Unlock()
	f := NewFrame(Message{Data: fmt.Appendf(nil, "%d %s", time.Now().UnixNano(), strings.Repeat("x", 130))})
	for _, s := range slow { // before the others, who so have to wait for them
		s.Send(f)
	}
	for _, s := range slices.Concat(h.more, h.fast) {
		s.Send(f)
	}
}

// end waits until the fast clients have read all and returns how long it took.
func (h *hall) end(sent int) []time.Duration {
	for done := false; !done; <-time.After(10 * time.Millisecond) {
		h.mu.Lock()
		done = !slices.ContainsFunc(h.fast, func(s *Session) bool { return s.closed() == "" && h.read[s] < sent })
		h.mu.Unlock()
	}
	for _, s := range slices.Concat(h.more, h.fast) {
		s.Close(ForcedClose)
	}
	close(h.done)
	h.wg.Wait()
	return h.took
}
