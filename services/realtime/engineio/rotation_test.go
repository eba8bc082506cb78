package engineio

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// closings reads until each client's end and returns how long after began the
// server said goodbye, with code 1001.
func closings(t *testing.T, clients []*client, began time.Time) []time.Duration {
	t.Helper()
	ends := make([]time.Duration, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { // ends with the connection
			for {
				first, payload, err := c.frame()
				if err != nil {
					t.Errorf("client %d read %v, want a close frame", i, err)
					return
				}
				if first == finClose {
					if string(payload) != "\x03\xe9" {
						t.Errorf("client %d was closed with %q, want 1001", i, payload)
					}
					ends[i] = time.Since(began)
					c.Close()
					return
				}
				if string(payload) == "2" {
					c.say(t, "3")
				}
			}
		})
	}
	wg.Wait()
	return ends
}

// TestOldSessionsAreRotated: they end between MaxAge less the jitter and MaxAge
// and a ping's time, as in a drain, and not all at once.
func TestOldSessionsAreRotated(t *testing.T) {
	const age, jitter, interval = 55 * time.Minute, 5 * time.Minute, 25 * time.Second
	bubble(t, Options{MaxAge: age, MaxAgeJitter: jitter}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		began := time.Now()
		var clients []*client
		var handlers []*recorder
		for range 40 {
			c, h := dial()
			clients, handlers = append(clients, c), append(handlers, h)
		}
		var first, last time.Duration
		for i, end := range closings(t, clients, began) {
			if end < age-jitter || end > age+interval+time.Second {
				t.Errorf("session %d ended after %v, want %v to %v", i, end, age-jitter, age+interval)
			}
			if first == 0 || end < first {
				first = end
			}
			last = max(last, end)
		}
		if last-first < time.Minute {
			t.Errorf("all ended within %v", last-first)
		}
		for _, h := range handlers {
			if got := <-h.closed; got != ServerShuttingDown {
				t.Errorf("reason %q, want %q", got, ServerShuttingDown)
			}
		}
		dial() // new ones are taken all the while
	})
}

// TestPongsDoNotKeepAnOldSession: a client that puts its pings off grows no
// older than others.
func TestPongsDoNotKeepAnOldSession(t *testing.T) {
	bubble(t, Options{MaxAge: time.Minute}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		began := time.Now()
		c, h := dial()
		for range 12 {
			if <-time.After(10 * time.Second); h.session.closed() != "" {
				break // its connection is closed, too, some time after
			}
			c.say(t, "3")
		}
		if got := h.session.closed(); got != ServerShuttingDown {
			t.Errorf("after 2 minutes: reason %q, want %q", got, ServerShuttingDown)
		}
		if got := time.Since(began); got > 71*time.Second {
			t.Errorf("ended after %v, want a minute", got)
		}
		c.Close()
	})
}

func TestRotateEmptiesTheServerEvenly(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		const sessions, over = 20, time.Minute
		var clients []*client
		for range sessions {
			c, _ := dial()
			clients = append(clients, c)
		}
		began := time.Now()
		done := make(chan struct{})
		go func() { // ends with the last close
			defer close(done)
			if err := r.Rotate(context.Background(), over); err != nil {
				t.Errorf("rotate: %v", err)
			}
		}()
		halves := 0
		for _, end := range closings(t, clients, began) {
			if end < over/2 {
				halves++
			}
			if end%(over/sessions) != 0 || end >= over {
				t.Errorf("closed after %v, want a multiple of %v", end, over/sessions)
			}
		}
		if halves != sessions/2 {
			t.Errorf("%d of %d were closed in the first half", halves, sessions)
		}
		<-done
		c, h := dial() // taken, and not closed
		if why := h.session.closed(); why != "" {
			t.Errorf("a new session was closed: %s", why)
		}
		c.Close()
	})
}

func TestRotateStopsWithItsContext(t *testing.T) {
	bubble(t, Options{PingInterval: time.Hour}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		for range 10 {
			dial()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
		defer cancel()
		began := time.Now()
		if err := r.Rotate(ctx, 100*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Rotate() = %v, want the context's error", err)
		}
		if got := time.Since(began); got != 45*time.Second {
			t.Errorf("ended after %v, want 45 s", got)
		}
		open := 0
		for _, s := range r.all() {
			if s.closed() == "" {
				open++
			}
		}
		if open != 5 { // closed at 0, 10, 20, 30 and 40 s
			t.Errorf("%d sessions are open, want 5", open)
		}
	})
}
