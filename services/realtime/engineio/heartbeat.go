package engineio

import (
	"math/rand/v2"
	"sync"
	"time"
)

// heartbeat pings the sessions of a server and finds those that do not answer.
//
// A session is in one of two queues: due, with a ping to be sent PingInterval
// after the handshake or the last pong, or owing, with a pong to arrive within
// PingTimeout. Both waits are the same for all sessions, so appending keeps the
// queues in order of time, and nobody who is added can be due before the
// shorter wait has passed: one sleeping goroutine serves all, without being
// woken.
//
// The age of a session is looked at whenever it answers.
type heartbeat struct {
	interval, timeout time.Duration
	age, jitter       time.Duration // of sessions, see Options.MaxAge
	start             time.Time

	mu    sync.Mutex
	due   queue
	owing queue
}

// beat is a session's place in the heartbeat; guarded by heartbeat.mu.
type beat struct {
	in         *queue // nil when it is in none
	prev, next *Session
	at         time.Duration // since heartbeat.start
}

// queue is a list of sessions, those due soonest first.
type queue struct{ head, tail *Session }

func (q *queue) push(s *Session, at time.Duration) {
	s.beat = beat{in: q, prev: q.tail, at: at}
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.beat.next = s
	}
	q.tail = s
}

func (q *queue) remove(s *Session) {
	if prev := s.beat.prev; prev == nil {
		q.head = s.beat.next
	} else {
		prev.beat.next = s.beat.next
	}
	if next := s.beat.next; next == nil {
		q.tail = s.beat.prev
	} else {
		next.beat.prev = s.beat.prev
	}
	s.beat = beat{}
}

func newHeartbeat(opts *Options) heartbeat {
	return heartbeat{
		interval: opts.PingInterval, timeout: opts.PingTimeout,
		age: opts.MaxAge, jitter: opts.MaxAgeJitter,
		start: time.Now(),
	}
}

// add makes the first ping due.
func (h *heartbeat) add(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Since(h.start)
	if h.age > 0 {
		s.expires = now + h.age - rand.N(h.jitter+1)
	}
	h.due.push(s, now+h.interval)
}

// pong makes the next ping due, whether or not a ping was out, and reports
// whether the session is too old for another one.
func (h *heartbeat) pong(s *Session) (old bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Since(h.start)
	if in := s.beat.in; in != nil {
		in.remove(s)
		h.due.push(s, now+h.interval)
	}
	return s.expires > 0 && s.expires <= now
}

// remove forgets a session.
func (h *heartbeat) remove(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in := s.beat.in; in != nil {
		in.remove(s)
	}
}

// run pings and closes until stop is closed.
func (h *heartbeat) run(stop <-chan struct{}) {
	ping := textFrame(string(packetPing))
	timer := time.NewTimer(min(h.interval, h.timeout))
	defer timer.Stop()
	var pinged, lost []*Session
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		var wait time.Duration
		pinged, lost, wait = h.sweep(pinged[:0], lost[:0])
		for _, s := range pinged {
			s.Send(ping)
		}
		for _, s := range lost {
			s.Close(PingTimeout)
		}
		clear(pinged) // the arrays must not keep sessions alive
		clear(lost)
		timer.Reset(wait)
	}
}

// sweep appends the sessions to be pinged and those that timed out, and returns
// how long nothing else can be due.
func (h *heartbeat) sweep(pinged, lost []*Session) (_, _ []*Session, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Since(h.start)
	for s := h.owing.head; s != nil && s.beat.at <= now; s = h.owing.head {
		h.owing.remove(s)
		lost = append(lost, s)
	}
	for s := h.due.head; s != nil && s.beat.at <= now; s = h.due.head {
		h.due.remove(s)
		h.owing.push(s, now+h.timeout)
		pinged = append(pinged, s)
	}
	wait = min(h.interval, h.timeout)
	for _, q := range []*queue{&h.due, &h.owing} {
		if q.head != nil {
			wait = min(wait, q.head.beat.at-now)
		}
	}
	// Sessions that are due close together are served together.
	return pinged, lost, max(wait, min(20*time.Millisecond, h.timeout/1000, h.interval/1000))
}
