package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// ControlOptions tune a [Control]; the zero value is what production uses.
type ControlOptions struct {
	Prefix string        // of the channels; "socket.io" when empty
	Quiet  time.Duration // a silent connection to Redis is given up after about twice this; 1.5 s when 0
	Beat   time.Duration // how often containers with streams in common say that they live; 500 ms when 0

	// OnDrain is told of a drain message. It must not block.
	OnDrain func(Drain)
}

// Errors of streams. Where engineio.ErrNoOwner is not among them the other container
// may live.
var (
	errAway = errors.New("redis is away")
	errLost = errors.New("the way to the other container was lost")

	errSilent  = fmt.Errorf("%w: it says nothing", errLost)
	errHole    = fmt.Errorf("%w: a message is missing", errLost)
	errUnknown = fmt.Errorf("%w: it missed a message, or has begun anew", errLost)
)

// maxUnmet is how many containers that never answered may be waited for at a time.
// Forged session ids name any.
const maxUnmet = 1024

// Control is this container's own channel, on which each other one reaches it: for
// streams, as TCP connections would be if containers could be dialled, and for what an
// operator says to all. It is an engineio.Forwarder. Its methods may be called
// concurrently.
//
// A stream is as good as Redis pub/sub: nothing arrives twice or out of order, and what
// is lost ends the streams that had a part in it.
type Control struct {
	opts       ControlOptions
	log        *slog.Logger
	client     redis.UniversalClient
	route      route // publish's alone
	counts     bool  // PUBLISH says how many receivers there were
	subscriber *subscriber
	tag        atomic.Pointer[string]
	wake       chan struct{} // holds one token: something is to be sent
	down       atomic.Bool   // Redis took nothing the last time
	lost       atomic.Uint64
	incoming   *listener

	mu      sync.Mutex // taken after link.mu
	links   map[linkKey]*link
	dialled map[string]*link // by tag
	unmet   int              // dialled links that were never answered
	dirty   []*link
	single  []message // that belong to no link
	closed  bool
}

// NewControl returns a control channel that publishes with one client and listens with
// another. Run must run for anything to be sent or received.
func NewControl(publish, subscribe redis.UniversalClient, opts ControlOptions, log *slog.Logger) *Control {
	opts.Prefix = cmp.Or(opts.Prefix, "socket.io")
	opts.Quiet = cmp.Or(opts.Quiet, 1500*time.Millisecond)
	opts.Beat = cmp.Or(opts.Beat, 500*time.Millisecond)
	if opts.OnDrain == nil {
		opts.OnDrain = func(Drain) {}
	}
	_, cluster := publish.(*redis.ClusterClient) // there each node counts its own receivers
	c := &Control{
		opts: opts, log: log, client: publish, route: route{client: publish}, counts: !cluster,
		wake:     make(chan struct{}, 1),
		incoming: newListener(),
		links:    map[linkKey]*link{}, dialled: map[string]*link{},
	}
	// What was missed is found by counting, so a gap needs no other handling.
	c.subscriber = newSubscriber(subscribe, opts.Quiet, func(Gap) {}, log)
	tag := newTag()
	c.tag.Store(&tag)
	c.subscriber.add(escapeGlob(c.channel("")), c.onShared, []string{c.channel(tag)}, c.onMessage)
	return c
}

func newTag() string {
	var b [3]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// channel is where the container with a tag listens; without one, where all do.
func (c *Control) channel(tag string) string {
	name := c.opts.Prefix + "-control#"
	if tag != "" {
		name += tag + "#"
	}
	return name
}

// Tag implements engineio.Forwarder.
func (c *Control) Tag() string { return *c.tag.Load() }

// Listen implements engineio.Forwarder.
func (c *Control) Listen() net.Listener { return c.incoming }

// Dial implements engineio.Forwarder. It fails at once while Redis is away.
func (c *Control) Dial(ctx context.Context, tag string) (net.Conn, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(tag); err != nil || len(raw) != 3 {
		return nil, engineio.ErrNoOwner
	}
	for ctx.Err() == nil {
		l, err := c.linkTo(tag)
		if err != nil {
			return nil, err
		}
		if s := l.open(); s != nil {
			return s, nil
		}
	}
	return nil, ctx.Err()
}

// linkTo returns the link on which streams to a container are opened.
func (c *Control) linkTo(tag string) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch l := c.dialled[tag]; {
	case c.closed:
		return nil, net.ErrClosed
	case c.down.Load():
		return nil, errAway
	case l != nil:
		return l, nil
	case c.unmet >= maxUnmet:
		return nil, errLost
	}
	l := newLink(c, linkKey{id: newLinkID(), mine: true}, tag)
	c.links[l.key], c.dialled[tag] = l, l
	c.unmet++
	return l, nil
}

// Run carries messages both ways until ctx ends. End the Server that forwards before
// that.
func (c *Control) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.subscriber.run(ctx) })
	wg.Go(func() { c.publish(ctx) })
	wg.Go(func() { c.claim(ctx) })
	tick := time.NewTicker(c.opts.Beat)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			for _, l := range c.all() {
				if l.tick() && !c.counts {
					c.lookFor(ctx, l)
				}
			}
		}
	}
	_ = c.incoming.Close()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	wg.Wait()
	for _, l := range c.all() {
		l.fail(net.ErrClosed)
	}
}

// claim looks, once Redis answers, whether another container has drawn the same tag, and
// draws another then. Of 100 containers two do in one of 3,000 starts.
func (c *Control) claim(ctx context.Context) {
	for {
		whole, _ := c.subscriber.status(&Status{})
		n, err := subscribers(ctx, c.client, c.channel(c.Tag()), false)
		if whole && err == nil {
			if n <= 1 {
				return
			}
			next := newTag()
			c.tag.Store(&next)
			// Sessions that were opened meanwhile have the old one.
			c.subscriber.add(escapeGlob(c.channel(next)), c.onMessage, nil, nil)
		}
		if !sleep(ctx, c.opts.Beat) {
			return
		}
	}
}

// lookFor fails a link to a container that is not there, where PUBLISH does not say so.
func (c *Control) lookFor(ctx context.Context, l *link) {
	if n, err := subscribers(ctx, c.client, c.channel(l.peer), false); err == nil && n == 0 {
		l.fail(engineio.ErrNoOwner)
	}
}

func (c *Control) all() []*link {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*link, 0, len(c.links))
	for _, l := range c.links {
		all = append(all, l)
	}
	return all
}

// forget takes out a link that is used no more.
func (c *Control) forget(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.links, l.key)
	c.retire(l)
}

// retire makes new streams to the container use a new link. c.mu is held.
func (c *Control) retire(l *link) {
	if l.key.mine && c.dialled[l.peer] == l {
		delete(c.dialled, l.peer)
		if !l.counted {
			c.unmet--
		}
	}
}

// answered notes that a container lives.
func (c *Control) answered(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !l.counted && c.dialled[l.peer] == l {
		c.unmet--
	}
	l.counted = true
}

// ControlStatus is the state of a container's streams, for metrics.
type ControlStatus struct {
	Streams int    // open, of requests and websockets that are forwarded either way
	Lost    uint64 // times in which the way to another container was lost
}

// Status may be called at any time.
func (c *Control) Status() ControlStatus {
	s := ControlStatus{Lost: c.lost.Load()}
	for _, l := range c.all() {
		s.Streams += l.len()
	}
	return s
}
