package engineio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestShutdownClosesSessionsOverTheSpread(t *testing.T) {
	bubble(t, Options{}, nil, func(t *testing.T, r *rig, dial func() (*client, *recorder)) {
		const sessions = 10
		var clients []*client
		var handlers []*recorder
		for range sessions {
			c, h := dial()
			clients, handlers = append(clients, c), append(handlers, h)
		}
		began := time.Now()
		var ends [sessions]time.Duration
		var wg sync.WaitGroup
		for i, c := range clients {
			wg.Go(func() { // ends with the connection
				// The first thing a client reads is the close: no packet before it.
				first, payload, err := c.frame()
				if err != nil || first != finClose || string(payload) != "\x03\xe9" {
					t.Errorf("client read %#x %q, %v; want close 1001", first, payload, err)
				}
				ends[i] = time.Since(began)
				_, _ = io.Copy(io.Discard, c.in)
				c.Close()
			})
		}
		if err := r.Shutdown(context.Background(), 4*time.Second); err != nil {
			t.Errorf("shut down: %v", err)
		}
		wg.Wait()
		seen := make(map[time.Duration]bool)
		for i, h := range handlers {
			if got := <-h.closed; got != ServerShuttingDown {
				t.Errorf("reason %q, want %q", got, ServerShuttingDown)
			}
			seen[ends[i]] = true
			if ends[i]%(400*time.Millisecond) != 0 || ends[i] >= 4*time.Second {
				t.Errorf("closed after %v, want a tenth of the spread", ends[i])
			}
		}
		if len(seen) != sessions {
			t.Errorf("%d different times for %d sessions", len(seen), sessions)
		}
	})
}

func TestShutdownRefusesHandshakes(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, echo)
	c, _ := r.connect(t)
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(context.Background(), time.Hour) }() // ended by the test's client
	until(t, "the drain has begun", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.draining
	})
	_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=websocket HTTP/1.1\r\nHost: game.example\r\n"+upgradeHeaders+"\r\n")
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	if got, want := string(body), `{"code":6,"message":"Server shutting down"}`; answer.StatusCode != http.StatusServiceUnavailable || got != want {
		t.Errorf("answer %d %s, want 503 %s", answer.StatusCode, got, want)
	}
	if got := answer.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After = %q, want 1", got)
	}
	c.Close()
	if err := <-done; err != nil {
		t.Errorf("shut down: %v", err)
	}
}

// TestShutdownEndsWithItsContext: a spread that is too long and a handler that
// hangs do not hold the process.
func TestShutdownEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	r := start(t, Options{}, func(*Session, []byte, bool) { <-hold })
	c, h := r.connect(t)
	other, quiet := r.connect(t)
	c.say(t, "4hang")
	until(t, "the handler hangs", func() bool { return len(h.all()) == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.Shutdown(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown() = %v, want the context's error", err)
	}
	_, _ = io.Copy(io.Discard, other.in)
	if got := quiet.reason(t); got != ServerShuttingDown {
		t.Errorf("reason %q, want %q", got, ServerShuttingDown)
	}
	close(hold)
	if got := h.reason(t); got != ServerShuttingDown {
		t.Errorf("reason %q, want %q", got, ServerShuttingDown)
	}
}
