package chaos

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// pause is the longest between two attempts at one order. It is shorter than
	// Retry-After asks for, so that gaps are measured and not made.
	pause = 20 * time.Millisecond
	// patience is for one order with all its attempts.
	patience = 2 * time.Minute
	// hurry is the longest that a hasty player waits.
	hurry = 8 * time.Millisecond
)

// Crowd is players who give one order after the other, each with one key until its outcome
// is known, at any of the containers.
type Crowd struct {
	// Hasty is the share of first attempts that a player does not wait for. Set it before
	// Play.
	Hasty float64

	floor   *Floor
	line    *line
	players []*player
	left    atomic.Int64 // orders
	done    chan struct{}

	mu     sync.Mutex
	counts Counts
	heard  time.Time     // when the last order was carried out
	silent time.Duration // the longest time without that, since the mark
	odd    []string
}

// Counts are the figures of a crowd.
type Counts struct {
	Orders     int            // whose outcome is known
	Retries    int            // attempts beyond the first ones
	Refused    map[string]int // attempts, by reason
	Unanswered int            // attempts that were taken and not answered
	Replays    int            // orders that an attempt without a known outcome had carried out
}

// player is one of the crowd. Its goroutine owns it until the crowd is done.
type player struct {
	guest
	habit   Habit
	acks    []uint64 // by order, the digest of the answer; 0 when it was refused
	balance int64    // of the last answer
}

// Crowd signs n players in, the i-th with habit(i).
func (f *Floor) Crowd(t testing.TB, n int, habit func(i int) Habit) *Crowd {
	t.Helper()
	c := &Crowd{floor: f, line: newLine(t), done: make(chan struct{}), counts: Counts{Refused: map[string]int{}}}
	for i := range n {
		g := c.line.signIn(t, f.Address(), fmt.Sprintf("Player %d", i+1))
		c.players = append(c.players, &player{guest: g, habit: habit(i), balance: g.Balance})
	}
	return c
}

// Play lets the players give so many orders together. Done tells when the outcome of all
// is known; a test that ends sooner waits for it.
func (c *Crowd) Play(t testing.TB, orders int) {
	c.left.Store(int64(orders))
	c.Mark()
	var wg sync.WaitGroup
	for _, p := range c.players {
		wg.Go(func() { c.play(p) }) // ends when no order is left, or soon after Stop
	}
	go func() { // ends with them
		wg.Wait()
		close(c.done)
	}()
	t.Cleanup(func() { c.Stop(); <-c.done })
}

// Done is closed when the outcome of every order is known.
func (c *Crowd) Done() <-chan struct{} { return c.done }

// Stop lets the players finish the order that they are at, and no more.
func (c *Crowd) Stop() { c.left.Store(0) }

func (c *Crowd) play(p *player) {
	for n := 0; c.left.Add(-1) >= 0; n++ {
		reply, err := c.settle(p, key(n), p.habit.Next())
		digest := uint64(0)
		if err == nil && reply.OK() {
			digest = digestOf(reply.Body)
			var r round
			if r, err = reply.round(); err == nil {
				p.balance = r.Balance
				err = p.habit.Heard(reply)
			}
		} else if err == nil {
			err = p.habit.Heard(reply)
		}
		p.acks = append(p.acks, digest)
		if err != nil {
			c.mu.Lock()
			c.odd = append(c.odd, fmt.Sprintf("order %d of %s: %v", n, p.ID, err))
			c.mu.Unlock()
			return
		}
	}
}

func key(n int) string { return fmt.Sprintf("order-%d", n) }

func digestOf(body []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(body) // never fails
	return max(1, h.Sum64())
}

// settle sends an order until its outcome is known.
func (c *Crowd) settle(p *player, key string, o Order) (Reply, error) {
	for attempt, deadline := 1, time.Now().Add(patience); ; attempt++ {
		got, err := c.attempt(p, key, o, attempt)
		switch {
		case err == nil && got.status != http.StatusServiceUnavailable:
			if got.status >= 500 {
				return Reply{}, fmt.Errorf("attempt %d: %d %s", attempt, got.status, got.body)
			}
			r := Reply{got.status, got.code(), got.body, got.header.Get("Idempotent-Replayed") != ""}
			c.note(r, attempt)
			return r, nil
		case time.Now().After(deadline):
			return Reply{}, fmt.Errorf("no outcome within %s: %d %s, %w", patience, got.status, got.body, err)
		}
		c.mu.Lock()
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			c.counts.Refused["connection refused"]++
		case err != nil:
			c.counts.Unanswered++
		default:
			c.counts.Refused[got.code()]++
		}
		c.mu.Unlock()
		<-time.After(rand.N(pause))
	}
}

func (c *Crowd) attempt(p *player, key string, o Order, n int) (answer, error) {
	ctx := context.Background()
	if n == 1 && rand.Float64() < c.Hasty {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(hurry))
		defer cancel()
	}
	return c.line.send(ctx, http.MethodPost, c.floor.Address()+o.Path, p.Token, key, o.Body)
}

// note counts an order whose outcome is known.
func (c *Crowd) note(r Reply, attempts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Orders++
	c.counts.Retries += attempts - 1
	if r.Replayed {
		c.counts.Replays++
	}
	now := time.Now()
	c.silent, c.heard = max(c.silent, now.Sub(c.heard)), now
}

// Mark returns the longest time in which no outcome became known since the last mark, and
// begins to measure it anew.
func (c *Crowd) Mark() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	silent := c.silent
	if !c.heard.IsZero() {
		silent = max(silent, now.Sub(c.heard))
	}
	c.silent, c.heard = 0, now
	return silent
}

// Counts are the figures so far.
func (c *Crowd) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	counts.Refused = make(map[string]int, len(c.counts.Refused))
	for reason, n := range c.counts.Refused {
		counts.Refused[reason] = n
	}
	return counts
}
