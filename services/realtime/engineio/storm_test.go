package engineio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// pause is what socket.io-client waits before its next try, with its default
// options: 1 s doubled each time, a random half more or less, 5 s at most.
func pause(tries int) time.Duration {
	wait := time.Second << min(tries, 10)
	wait += time.Duration((rand.Float64() - 0.5) * float64(wait))
	return min(wait, 5*time.Second)
}

// attempt asks for a websocket session. It returns nil when the server refuses.
func (r *rig) attempt(ctx context.Context) (conn net.Conn, status int, err error) {
	conn, err = new(net.Dialer).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, 0, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: game.example\r\n"+upgradeHeaders+"\r\n"); err == nil {
		head := make([]byte, 12) // "HTTP/1.1 101"
		if _, err = io.ReadFull(conn, head); err == nil {
			_, err = fmt.Sscanf(string(head), "HTTP/1.1 %d", &status)
		}
	}
	if err != nil || status != http.StatusSwitchingProtocols {
		conn.Close()
		return nil, status, err
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, status, nil
}

// TestStormOfReconnectsIsLetInAtItsRate: clients that were all cut at once come
// back by their own pauses. The server opens sessions at no more than its rate,
// tells the others when to come, and nobody is left outside. 2,000 clients with
// VEGAS_SOAK, 300 without.
func TestStormOfReconnectsIsLetInAtItsRate(t *testing.T) {
	t.Parallel()
	clients, rate := 300, Rate{PerSecond: 100, Burst: 50}
	if os.Getenv("VEGAS_SOAK") != "" {
		clients, rate = 2000, Rate{PerSecond: 500, Burst: 500}
	}
	r := start(t, Options{Limits: Limits{Handshakes: rate}}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	var mu sync.Mutex
	var conns []net.Conn
	var back []time.Duration
	refused, strange := 0, 0
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() { // ends with its session, or with ctx
			for tries := 0; ; tries++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(pause(tries)):
				}
				conn, status, err := r.attempt(ctx)
				at := time.Since(began)
				mu.Lock()
				switch {
				case conn != nil:
					conns, back = append(conns, conn), append(back, at)
				case err == nil && status == http.StatusServiceUnavailable:
					refused++
				default:
					strange++
				}
				mu.Unlock()
				if conn != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, c := range conns {
		defer c.Close()
	}
	if len(back) != clients {
		t.Fatalf("%d of %d clients are back", len(back), clients)
	}
	until(t, "all have sessions", func() bool { return r.Len() == clients }) // a moment after the answer to the handshake
	if refused == 0 || strange > 0 {
		t.Errorf("%d handshakes were refused, want some; %d failed otherwise, want none", refused, strange)
	}
	slices.Sort(back)
	t.Logf("%d clients: half are back after %v, all after %v; %d handshakes were refused", clients,
		back[clients/2].Round(time.Millisecond), back[clients-1].Round(time.Millisecond), refused)
	if shortest := time.Duration(float64(clients-rate.Burst) / rate.PerSecond * float64(time.Second)); back[clients-1] < shortest {
		t.Errorf("all were back after %v, the rate allows %v at the least", back[clients-1], shortest)
	}
	if os.Getenv("VEGAS_SOAK") != "" && back[clients-1] > 10*time.Second {
		t.Errorf("all were back after %v, want 10 s", back[clients-1])
	}
}

// TestDrainOfManyIsQuick: 1,000 clients who read on are closed over 2 s and
// answer, within the time that a platform gives.
func TestDrainOfManyIsQuick(t *testing.T) {
	t.Parallel()
	sessions := 300
	if os.Getenv("VEGAS_SOAK") != "" {
		sessions = 1000
	}
	r := start(t, both(Options{}), nil)
	var clients sync.WaitGroup
	for i := range sessions {
		if i%10 == 0 {
			r.poll(t)
			continue
		}
		c, _ := r.connect(t)
		_ = c.SetDeadline(time.Time{})
		clients.Go(func() { // ends with the connection
			defer c.Close()
			for {
				if first, _, err := c.frame(); err != nil || first == finClose {
					return
				}
			}
		})
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx, 2*time.Second); errors.Is(err, context.DeadlineExceeded) {
		t.Error("the drain took 8 s")
	} else if err != nil {
		t.Errorf("shut down: %v", err)
	}
	t.Logf("%d sessions: drained in %v", sessions, time.Since(began).Round(time.Millisecond))
	clients.Wait()
	if r.Len() != 0 {
		t.Errorf("%d sessions are left", r.Len())
	}
}
