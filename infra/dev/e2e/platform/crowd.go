package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pause is between two attempts at one bet. It is shorter than Retry-After asks for,
// so that gaps are measured and not made.
const pause = 10 * time.Millisecond

// thought is between two bets of one player.
const thought = 3 * time.Millisecond

// Ack is a bet that was answered with 201.
type Ack struct {
	Player, Key, Round string
	At                 time.Time
	Took               time.Duration // of the attempt that was answered
	Replayed           bool
}

// Crowd is players who bet one after another, each bet with one key until it is
// answered, while something breaks.
type Crowd struct {
	Players []*Player
	// Impatient players hang up on the first attempt at a bet, after a few
	// milliseconds at most; set it before Run.
	Impatient bool

	t    testing.TB
	wg   sync.WaitGroup
	acks atomic.Int64

	mu      sync.Mutex
	acked   []Ack
	refused map[string]int // by status and code
	unheard int            // attempts without an answer
	odd     []string       // answers that a fault does not excuse
}

// NewCrowd signs n players in at base. Run makes them bet.
func NewCrowd(t testing.TB, base string, n int) *Crowd {
	t.Helper()
	c := &Crowd{t: t, refused: map[string]int{}}
	for i := range n {
		c.Players = append(c.Players, Guest(t, base, fmt.Sprintf("Player %d", i+1)))
	}
	return c
}

// Run lets the players bet with keys that begin with prefix until the returned
// function is called, which waits until each has an answer to its last bet.
func (c *Crowd) Run(prefix string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	for _, p := range c.Players {
		c.wg.Go(func() { // ends soon after cancel: the last bet is bounded by Patience
			for k := 0; ctx.Err() == nil; k++ {
				c.Settle(p, fmt.Sprintf("%s-%d", prefix, k))
				<-time.After(thought)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		c.wg.Wait()
	})
	c.t.Cleanup(stop)
	return stop
}

// Settle sends one bet with one key until it is answered with 201, or notes that it
// never was.
func (c *Crowd) Settle(p *Player, key string) {
	deadline := time.Now().Add(Patience)
	for attempt := 1; time.Now().Before(deadline); attempt++ {
		began := time.Now()
		answer, err := c.attempt(p, key, attempt)
		if err == nil && answer.Status == http.StatusCreated {
			c.note(p, key, answer, time.Since(began))
			return
		}
		c.mu.Lock()
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			c.refused["connection refused"]++
		case err != nil:
			c.unheard++
		case answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
			c.refused[fmt.Sprintf("%d %s", answer.Status, answer.Code())]++
		default:
			c.odd = append(c.odd, fmt.Sprintf("bet %s: %d %s", key, answer.Status, answer.Body))
		}
		c.mu.Unlock()
		<-time.After(pause)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.odd = append(c.odd, fmt.Sprintf("bet %s of %s: no 201 within %s", key, p.Name, Patience))
}

func (c *Crowd) attempt(p *Player, key string, n int) (Answer, error) {
	ctx := context.Background()
	if c.Impatient && n == 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(6*time.Millisecond))
		defer cancel()
	}
	return p.Bet(ctx, key, 1)
}

func (c *Crowd) note(p *Player, key string, answer Answer, took time.Duration) {
	var settled struct{ Round struct{ ID string } }
	err := json.Unmarshal(answer.Body, &settled)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || settled.Round.ID == "" {
		c.odd = append(c.odd, fmt.Sprintf("bet %s: 201 with %s", key, answer.Body))
	}
	c.acked = append(c.acked, Ack{p.ID, key, settled.Round.ID, time.Now(), took, answer.Header.Get("Idempotent-Replayed") != ""})
	c.acks.Add(1)
}

// Acks is how many bets were answered so far.
func (c *Crowd) Acks() int64 { return c.acks.Load() }

// More waits until n more bets are answered, which a fault may delay.
func (c *Crowd) More(n int64) {
	c.t.Helper()
	want := c.Acks() + n
	Await(c.t, fmt.Sprintf("%d more bets", n), func() bool { return c.Acks() >= want })
}

// Acked returns the bets that were answered, in the order of their answers.
func (c *Crowd) Acked() []Ack {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.acked)
}

// Refused returns how many attempts were refused as they should be, by status and
// code, and how many were taken and not answered.
func (c *Crowd) Refused() (refused map[string]int, unheard int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refused), c.unheard
}

// Gap is the longest time in which nobody got an answer, from since on.
func (c *Crowd) Gap(since time.Time) time.Duration {
	var longest time.Duration
	for _, a := range c.Acked() {
		if a.At.Before(since) {
			continue
		}
		longest, since = max(longest, a.At.Sub(since)), a.At
	}
	return longest
}

// Judge fails the test on every answer that was neither 201 nor 503 with Retry-After.
func (c *Crowd) Judge() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.odd {
		c.t.Error(o)
	}
}
