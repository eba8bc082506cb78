package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	pipelineSize  = 512     // messages per round trip
	pipelineBytes = 1 << 20 // and bytes
)

// message is one PUBLISH.
type message struct {
	channel string
	payload []byte
}

// publisher sends messages in order from one goroutine: what waits goes out together,
// in one round trip, which costs Redis a seventh of the work of single messages.
//
// When Redis is away nothing is kept: an event that is seconds late is worth less than
// the memory, and players are told of the gap. A message whose answer was lost is not
// repeated, because it may have been delivered.
type publisher struct {
	route   route // the run goroutine's alone
	log     *slog.Logger
	limit   int           // of queued bytes
	sharded bool          // channels have slots, as keys
	wake    chan struct{} // holds one token: the queue is not empty

	mu        sync.Mutex
	idle      *sync.Cond // queue and flight are empty
	queue     []message
	bytes     int
	flight    int // messages taken from the queue, answer pending
	closed    bool
	since     time.Time // the last outage ended
	outage    outage
	full      bool // the queue has refused messages since it was last empty
	published uint64
	dropped   uint64
}

// outage is the time during which Redis takes no messages.
type outage struct {
	since   time.Time // zero when there is none
	dropped uint64    // the counter at its beginning
}

func newPublisher(client redis.UniversalClient, limit int, log *slog.Logger) *publisher {
	p := &publisher{route: route{client: client}, log: log, limit: limit, since: time.Now(), wake: make(chan struct{}, 1)}
	p.idle = sync.NewCond(&p.mu)
	return p
}

// send queues a message. ErrAlone says that it will not be sent: Redis is away, or does
// not keep up.
func (p *publisher) send(channel string, payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		p.dropped++
		return ErrClosed
	case !p.outage.since.IsZero():
		p.dropped++
		return ErrAlone
	case p.bytes+len(payload) > p.limit:
		p.dropped++
		if !p.full {
			p.full = true
			p.log.Warn("publish queue is full", "bytes", p.bytes)
		}
		return ErrAlone
	}
	p.queue = append(p.queue, message{channel, payload})
	p.bytes += len(payload)
	select {
	case p.wake <- struct{}{}:
	default: // the token is there already
	}
	return nil
}

// flush waits until everything queued so far was sent or dropped, and says whether that
// was so within limit.
func (p *publisher) flush(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	defer time.AfterFunc(limit, p.idle.Broadcast).Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue)+p.flight > 0 {
		if !time.Now().Before(deadline) {
			return false
		}
		p.idle.Wait()
	}
	return true
}

// run sends until ctx ends, and then what is still queued.
func (p *publisher) run(ctx context.Context) {
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			p.mu.Lock()
			p.closed = true
			p.mu.Unlock()
			_ = p.drain(context.WithoutCancel(ctx)) // logged, and noted as an outage
			return
		}
		// A batch under way is not cut short by ctx: its messages would be lost.
		if p.drain(context.WithoutCancel(ctx)) != nil {
			p.recover(ctx)
		}
	}
}

// drain sends the queue until it is empty. When a batch fails and Redis does not answer
// either, that is an outage, and the rest is dropped; a batch that fails alone (a broken
// connection, a container that stood still) is lost alone.
func (p *publisher) drain(ctx context.Context) error {
	for {
		batch := p.take()
		if len(batch) == 0 {
			return nil
		}
		sent, err := p.pipeline(ctx, batch)
		lost := len(batch) - sent
		if err == nil {
			p.settle(sent, 0, false)
			continue
		}
		p.route.fail(ctx)
		out := p.ping(ctx) != nil
		p.settle(sent, lost, out)
		if out {
			p.log.WarnContext(ctx, "publishing to this container only", "error", err)
			return err
		}
		p.log.WarnContext(ctx, "messages were not confirmed", "lost", lost, "error", err)
	}
}

func (p *publisher) take() []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, size := 0, 0
	for n < len(p.queue) && n < pipelineSize && size < pipelineBytes {
		size += len(p.queue[n].payload)
		n++
	}
	batch := p.queue[:n:n]
	if p.queue = p.queue[n:]; len(p.queue) == 0 {
		p.queue = nil
		p.full = false
	}
	p.bytes -= size
	p.flight = n
	return batch
}

// pipeline sends one batch and returns how many messages Redis confirmed.
func (p *publisher) pipeline(ctx context.Context, batch []message) (sent int, err error) {
	node, err := p.node(ctx)
	if err != nil {
		return 0, err
	}
	pipe := node.Pipeline()
	for _, m := range batch {
		if p.sharded {
			pipe.SPublish(ctx, m.channel, m.payload)
		} else {
			pipe.Publish(ctx, m.channel, m.payload)
		}
	}
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if cmd.Err() == nil {
			sent++
		}
	}
	if err != nil {
		return sent, fmt.Errorf("publish %d messages: %w", len(batch), err)
	}
	return len(batch), nil
}

// settle counts a batch; out begins an outage.
func (p *publisher) settle(sent, lost int, out bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published += uint64(sent)
	p.flight = 0
	if out {
		p.outage = outage{since: time.Now(), dropped: p.dropped}
		lost += len(p.queue)
		p.queue, p.bytes, p.full = nil, 0, false
	}
	p.dropped += uint64(lost)
	if len(p.queue) == 0 {
		p.idle.Broadcast()
	}
}

// node is where to publish: sharded channels are each on the node of their slot, which
// a cluster's client finds.
func (p *publisher) node(ctx context.Context) (redis.UniversalClient, error) {
	if p.sharded {
		return p.route.client, nil
	}
	return p.route.node(ctx)
}

func (p *publisher) ping(ctx context.Context) error {
	node, err := p.node(ctx)
	if err != nil {
		return err
	}
	return node.Ping(ctx).Err()
}

// recover asks Redis until it answers, then ends the outage. It returns early with ctx.
func (p *publisher) recover(ctx context.Context) {
	for pause := (backoff{failures: 1}); ; pause.failures++ {
		if !sleep(ctx, pause.next()) {
			return
		}
		if p.ping(ctx) == nil {
			break
		}
		p.route.fail(ctx)
	}
	p.mu.Lock()
	was, dropped := p.outage, p.dropped
	p.outage, p.since = outage{}, time.Now()
	p.mu.Unlock()
	p.log.InfoContext(ctx, "publishing to all containers again",
		"away_seconds", time.Since(was.since).Seconds(), "dropped", dropped-was.dropped)
}
