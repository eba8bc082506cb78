package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// Options tune a [Redis]; the zero value is what production uses.
type Options struct {
	Prefix string        // of the channels; "socket.io" when empty, as in Node
	UID    string        // sender id, unique per process; random when empty
	Quiet  time.Duration // a silent connection is given up after about twice this; 1.5 s when 0
	Queue  int           // bytes that may wait to be published; 16 MiB when 0

	// RequestTimeout is how long the answers of others are waited for; 900 ms when 0, so
	// that a container that stands still does not hold up what others ask.
	RequestTimeout time.Duration
	// DirectAnswers sends answers to the server that asked alone, which needs to listen
	// for them: publishOnSpecificResponseChannel in Node. Both ways are understood.
	DirectAnswers bool

	Keys   string        // what the names of the room log's keys begin with; "vegas" when empty
	Hold   time.Duration // after which own events that the log does not bring back are delivered here alone; 1.5 s when 0
	Window time.Duration // in which a client may come back; 2 min when 0, 5 min at most

	// OnLoss is told of a namespace in which events of others may be lost for good: Redis
	// has lost the room log, or the log was too short. It must not block.
	OnLoss func(namespace string)

	// OnGap is told, once listening is whole again, that messages of others may have
	// been missed. No message is handled meanwhile: it must not block.
	OnGap func(Gap)
}

// ErrClosed says that Run has ended.
var ErrClosed = errors.New("cluster is closed")

// sizeEvery is how often Status' number of containers is asked for.
const sizeEvery = 2 * time.Second

// Redis is a socketio.Adapter over Redis channels. Its methods may be called
// concurrently.
type Redis struct {
	opts       Options
	log        *slog.Logger
	mark       string // beginning of one's own messages
	client     redis.UniversalClient
	publisher  *publisher
	hearing    hearing
	subscriber *subscriber                   // of the classic wire
	shards     *shards                       // of the sharded wire
	open       func(ns socketio.Local) *base // a bus of either
	containers atomic.Int64
	received   atomic.Uint64
	malformed  atomic.Uint64

	mu    sync.Mutex
	buses map[string]*base // by namespace
	runs  bool
}

// Status is the state of a container's connection to the others, for health checks.
type Status struct {
	Connected  bool      // hears the others and is heard
	Since      time.Time // when Connected took its value
	Containers int       // that have the namespace open, this one included; 1 while alone
	Published  uint64    // messages that Redis confirmed
	Dropped    uint64    // messages that the others did not get, or may not have got
	Received   uint64    // broadcasts of others for rooms of this container
	Malformed  uint64    // messages that nobody could read
	Gaps       uint64    // how often messages of others may have been missed
	LastGap    Gap
	Logged     uint64 // events of this container that are in the room log
	Filled     uint64 // events that were missed and read from the log
	Alone      uint64 // events that this container delivered before the log had them
	Lost       uint64 // how often the log could not give what was missed
	Epochs     uint64 // how often Redis lost the log
}

// hearing is how a container listens to the others.
type hearing interface {
	run(ctx context.Context)
	// status adds its figures, and returns since when it works, or does not.
	status(s *Status) (works bool, since time.Time)
}

// NewRedis returns an adapter that publishes with one client and listens with another,
// so that neither delays the other. Their timeouts bound every wait (see package
// redisconn). Run must run for anything to be sent or received.
func NewRedis(publish, subscribe redis.UniversalClient, opts Options, log *slog.Logger) *Redis {
	opts.UID = cmp.Or(opts.UID, newUID(12))
	r := newRedis(publish, opts, log)
	r.subscriber = newSubscriber(subscribe, r.opts.Quiet, r.opts.OnGap, log)
	r.hearing = r.subscriber
	r.open = func(ns socketio.Local) *base { return &newBus(r, ns).base }
	return r
}

// newRedis returns an adapter that does not listen yet.
func newRedis(publish redis.UniversalClient, opts Options, log *slog.Logger) *Redis {
	opts.Prefix = cmp.Or(opts.Prefix, "socket.io")
	opts.Quiet = cmp.Or(opts.Quiet, 1500*time.Millisecond)
	opts.Queue = cmp.Or(opts.Queue, 16<<20)
	opts.RequestTimeout = cmp.Or(opts.RequestTimeout, 900*time.Millisecond)
	if opts.OnLoss == nil {
		opts.OnLoss = func(string) {}
	}
	if opts.OnGap == nil {
		opts.OnGap = func(Gap) {}
	}
	r := &Redis{
		opts: opts, log: log, mark: mark(opts.UID), client: publish,
		publisher: newPublisher(publish, opts.Queue, log),
		buses:     map[string]*base{},
	}
	r.containers.Store(1)
	return r
}

// Run carries messages both ways until ctx ends. Close the namespaces before that, so
// that what they still have to say is sent.
func (r *Redis) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { r.publisher.run(ctx) })
	wg.Go(func() { r.hearing.run(ctx) })
	wg.Go(func() { r.watch(ctx) })
	r.mu.Lock()
	r.runs = true
	for _, b := range r.buses {
		b.journal.start()
	}
	r.mu.Unlock()
	wg.Wait()
	r.mu.Lock()
	r.runs = false
	left := slices.Collect(maps.Values(r.buses))
	r.mu.Unlock()
	for _, b := range left {
		b.journal.stop()
	}
}

func (r *Redis) journalOptions(namespace string) journalOptions {
	return journalOptions{
		hold: r.opts.Hold, window: r.opts.Window, queue: r.opts.Queue, keys: r.opts.Keys,
		onLoss: func() { r.opts.OnLoss(namespace) },
	}
}

// Open implements socketio.Adapter. It does not wait for Redis.
func (r *Redis) Open(ns socketio.Local) (socketio.Bus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buses[ns.Name()] != nil {
		return nil, fmt.Errorf("open namespace %s: it is open", ns.Name())
	}
	b := r.open(ns)
	r.buses[ns.Name()] = b
	if r.runs {
		b.journal.start()
	}
	return b.wire, nil
}

// Status may be called at any time and does not ask Redis.
func (r *Redis) Status() Status {
	s := Status{Containers: int(r.containers.Load()), Received: r.received.Load(), Malformed: r.malformed.Load()}
	sending, sendingSince := r.publisher.status(&s)
	hearing, hearingSince := r.hearing.status(&s)
	s.Connected = sending && hearing
	s.Since = hearingSince
	switch {
	case s.Connected && sendingSince.After(hearingSince), !sending && hearing:
		s.Since = sendingSince
	case !sending && sendingSince.Before(hearingSince):
		s.Since = sendingSince
	}
	if !s.Connected {
		s.Containers = 1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.buses {
		b.journal.status(&s)
	}
	return s
}

// watch keeps the number of containers current.
func (r *Redis) watch(ctx context.Context) {
	for {
		if b := r.any(); b != nil {
			if n, err := b.wire.Size(ctx); err == nil {
				r.containers.Store(int64(n))
			}
		}
		if !sleep(ctx, sizeEvery) {
			return
		}
	}
}

// any returns an open namespace, or nil.
func (r *Redis) any() *base {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.buses {
		return b
	}
	return nil
}

func (r *Redis) forget(b *base) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buses[b.name] == b {
		delete(r.buses, b.name)
	}
}

// hears says whether this container listens to the others.
func (r *Redis) hears() bool {
	works, _ := r.hearing.status(new(Status))
	return works
}

func (p *publisher) status(s *Status) (works bool, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Published, s.Dropped = p.published, p.dropped
	if p.outage.since.IsZero() {
		return true, p.since
	}
	return false, p.outage.since
}

func (sub *subscriber) status(s *Status) (works bool, since time.Time) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	s.Gaps, s.LastGap = sub.gaps, sub.last
	return sub.whole, sub.since
}
