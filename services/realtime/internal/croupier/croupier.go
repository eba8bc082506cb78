package croupier

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/shared/telemetry"
)

// DefaultLease is how long a lease lasts that nobody renews: for so long a table may stand
// still after its leader was killed.
const DefaultLease = 3 * time.Second

// room is what the rooms of tables begin with.
const room = "table:"

// Options are what a Croupier works with. The zero values of durations are what production
// uses.
type Options struct {
	URL       string                // of the actions service, without a slash at its end
	Plain     *http.Client          // for what everybody may read
	Signed    *http.Client          // adds an identity token to its requests
	Redis     redis.UniversalClient // for commands
	Subscribe redis.UniversalClient
	Logger    *slog.Logger

	Container string        // unique per process, without spaces; random when empty
	Lease     time.Duration // DefaultLease when 0
	Linger    time.Duration // how long a round may last that the last member has left; 60 s when 0
	Keep      time.Duration // how long a list of tables is believed; 1 min when 0
	Timeout   time.Duration // of one request to the service; 10 s when 0
}

// Croupier keeps the clocks of the tables at which players of this container sit. Its
// methods may be called concurrently.
type Croupier struct {
	opts   Options
	leases *leases
	log    *slog.Logger
	tracer trace.Tracer
	wake   chan struct{} // holds one token: a table has its first member

	leading  atomic.Int64
	lost     atomic.Uint64
	advances [results]atomic.Uint64

	mu     sync.Mutex
	tables map[string]*table // those with members here, and those that are kept
}

// table is one at which somebody sits, or sat until now.
type table struct {
	id   string
	poke chan struct{} // holds one token: look again at the members, or at the lease

	// Guarded by Croupier.mu.
	members int       // sockets
	left    time.Time // when the last of them went
	kept    bool      // a goroutine keeps its clock
}

// New returns a croupier that does nothing before Run.
func New(opts Options) *Croupier {
	opts.Container = cmp.Or(opts.Container, strings.ToLower(rand.Text()))
	opts.Lease = cmp.Or(opts.Lease, DefaultLease)
	opts.Linger = cmp.Or(opts.Linger, time.Minute)
	opts.Keep = cmp.Or(opts.Keep, time.Minute)
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	return &Croupier{
		opts: opts, log: opts.Logger, tracer: telemetry.Tracer("github.com/vegascore/vegascore/services/realtime/internal/croupier"),
		leases: &leases{client: opts.Redis, container: opts.Container, life: opts.Lease},
		wake:   make(chan struct{}, 1), tables: map[string]*table{},
	}
}

// Enter notes that a socket of this container has come into a room. Each Enter is undone by
// one Exit. Neither waits for anything.
func (c *Croupier) Enter(name string) {
	id, ok := strings.CutPrefix(name, room)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[id]
	if t == nil {
		t = &table{id: id, poke: make(chan struct{}, 1)}
		c.tables[id] = t
	}
	t.members++
	if t.members == 1 {
		nudge(t.poke)
		nudge(c.wake)
	}
}

// Exit notes that a socket of this container has left a room.
func (c *Croupier) Exit(name string) {
	id, ok := strings.CutPrefix(name, room)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[id]
	if t == nil || t.members == 0 {
		return
	}
	if t.members--; t.members > 0 {
		return
	}
	t.left = time.Now()
	nudge(t.poke)
	if !t.kept {
		delete(c.tables, id)
	}
}

// Leading is how many tables this container leads now.
func (c *Croupier) Leading() int { return int(c.leading.Load()) }

// Lost is how often this container stopped to lead although it wanted to go on.
func (c *Croupier) Lost() uint64 { return c.lost.Load() }

// Asked is how often asking to advance a table had a result.
func (c *Croupier) Asked(r Result) uint64 { return c.advances[r].Load() }

// Run keeps the clocks until ctx ends, and gives all leases back before it returns.
func (c *Croupier) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	known, failed, listens := roster{}, backoff{}, false
	for {
		waiting, wait := c.waiting(), time.Duration(-1)
		if len(waiting) > 0 && known.stale(c.opts.Keep) {
			if err := c.fetch(ctx, &known); err != nil {
				if wait = failed.next(); failed.failures == 1 && ctx.Err() == nil {
					c.log.Warn("tables not listed", "error", err)
				}
			} else {
				failed = backoff{}
			}
		}
		for _, t := range waiting {
			shared, ok := known.shared[t.id]
			if !ok && wait < 0 { // it may be new
				wait = max(c.opts.Keep-time.Since(known.fetched), soonest)
			}
			if !shared || !c.engage(t) {
				continue
			}
			if !listens {
				listens = true
				wg.Go(func() { c.listen(ctx) })
			}
			wg.Go(func() { c.keep(ctx, t) }) // ends with ctx, or when nobody is there any more
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-after(wait):
		}
	}
}

// after never fires when d is below 0.
func after(d time.Duration) <-chan time.Time {
	if d < 0 {
		return nil
	}
	return time.After(d)
}

// waiting are the tables with members that nobody keeps.
func (c *Croupier) waiting() []*table {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*table
	for _, t := range c.tables {
		if t.members > 0 && !t.kept {
			all = append(all, t)
		}
	}
	return all
}

// engage marks a table as kept, if there is still somebody at it.
func (c *Croupier) engage(t *table) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tables[t.id] != t || t.members == 0 {
		return false
	}
	t.kept = true
	return true
}

// dismiss says that a table needs nobody who keeps it, because ctx has ended or the last
// member has left.
func (c *Croupier) dismiss(ctx context.Context, t *table) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil && t.members > 0 {
		return false
	}
	t.kept = false
	if t.members == 0 {
		delete(c.tables, t.id)
	}
	return true
}

// empty says whether and since when nobody is at a table.
func (c *Croupier) empty(t *table) (since time.Time, empty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.left, t.members == 0
}

// listen wakes those who wait for a lease that was given back, until ctx ends. A message
// that is missed costs no more than the rest of that lease's life.
func (c *Croupier) listen(ctx context.Context) {
	given := c.opts.Subscribe.Subscribe(ctx, channel)
	closed := func() { _ = given.Close() }
	defer closed()
	defer context.AfterFunc(ctx, closed)() // nothing else ends a wait for a message
	for {
		m, err := given.ReceiveMessage(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, redis.ErrClosed):
			return
		case err != nil:
			select { // it connects again by itself
			case <-ctx.Done():
			case <-time.After(lastPause):
			}
		default:
			c.mu.Lock()
			if t := c.tables[m.Payload]; t != nil {
				nudge(t.poke)
			}
			c.mu.Unlock()
		}
	}
}

func nudge(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default: // it is there already
	}
}
