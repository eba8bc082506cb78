package pubsub

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// What Cloud leaves open or makes longer than one wants to wait at a desk.
const (
	defaultAckDeadline = 10 * time.Second
	defaultMinBackoff  = 100 * time.Millisecond
	defaultMaxBackoff  = 10 * time.Second
	maxPushes          = 64 // under way at once, per subscription
)

// feeder pushes the messages of one subscription. Messages of one ordering key
// share a lane, whose first message is under way or waits for its next attempt;
// every other message has a lane of its own.
type feeder struct {
	server *Server
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	config  *pubsubpb.Subscription
	keyed   map[string]*lane
	ready   []*lane // lanes whose first message is due
	workers int
	pending int // messages that are neither delivered nor dead
	closed  bool
	failing bool // the last attempt failed: said once, not per message
	running sync.WaitGroup
}

type lane struct {
	key   string
	queue []*delivery
}

type delivery struct {
	message *pubsubpb.PubsubMessage
	attempt int // attempts made
}

func newFeeder(ctx context.Context, server *Server, config *pubsubpb.Subscription) *feeder {
	ctx, cancel := context.WithCancel(ctx)
	return &feeder{
		server: server, ctx: ctx, cancel: cancel, config: config, keyed: map[string]*lane{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: maxPushes, IdleConnTimeout: time.Minute}},
	}
}

func (f *feeder) configure(config *pubsubpb.Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config = config
}

// close ends the pushes under way and gives up what was not delivered.
func (f *feeder) close() {
	f.mu.Lock()
	f.closed = true // no worker starts from here on
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
	f.client.CloseIdleConnections()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server.undelivered.Add(-int64(f.pending))
	f.pending = 0
}

func (f *feeder) add(messages []*pubsubpb.ReceivedMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending += len(messages)
	for _, m := range messages {
		d := &delivery{message: m.Message}
		key := m.Message.OrderingKey
		if !f.config.EnableMessageOrdering || key == "" {
			f.due(&lane{queue: []*delivery{d}})
			continue
		}
		if l, ok := f.keyed[key]; ok {
			l.queue = append(l.queue, d)
			continue
		}
		l := &lane{key: key, queue: []*delivery{d}}
		f.keyed[key] = l
		f.due(l)
	}
}

// due puts a lane up for a worker. Callers hold mu.
func (f *feeder) due(l *lane) {
	if f.closed {
		return
	}
	f.ready = append(f.ready, l)
	if f.workers < maxPushes {
		f.workers++
		f.running.Go(f.work)
	}
}

// work pushes what is due and ends when nothing is, or with the feeder.
func (f *feeder) work() {
	for {
		f.mu.Lock()
		if len(f.ready) == 0 || f.ctx.Err() != nil {
			f.workers--
			f.mu.Unlock()
			return
		}
		l := f.ready[0]
		f.ready = f.ready[1:]
		first, config := l.queue[0], f.config
		f.mu.Unlock()
		f.attempt(l, first, config)
	}
}

// attempt pushes d, the first message of lane l, and decides what comes next. The
// lane is in no other hands meanwhile, but its queue can grow.
func (f *feeder) attempt(l *lane, d *delivery, config *pubsubpb.Subscription) {
	d.attempt++
	err := f.push(d, config)
	if f.ctx.Err() != nil {
		return
	}
	f.note(err, d, config)
	if err == nil {
		f.server.delivered.Add(1)
	} else {
		policy := config.DeadLetterPolicy
		if policy == nil || d.attempt < int(policy.MaxDeliveryAttempts) {
			// The timer can outlive the feeder; due does nothing then.
			time.AfterFunc(backoff(config.RetryPolicy, d.attempt), func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.due(l)
			})
			return
		}
		f.server.bury(d, config, err)
	}
	f.server.undelivered.Add(-1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending--
	if l.queue = l.queue[1:]; len(l.queue) > 0 {
		f.due(l)
	} else if l.key != "" {
		delete(f.keyed, l.key)
	}
}

// note logs the first failure and the recovery after it.
func (f *feeder) note(err error, d *delivery, config *pubsubpb.Subscription) {
	f.mu.Lock()
	changed := f.failing != (err != nil)
	f.failing = err != nil
	f.mu.Unlock()
	log := f.server.logger.With("subscription", short(config.Name), "endpoint", config.PushConfig.PushEndpoint)
	switch {
	case changed && err != nil:
		log.Warn("push failed", "message_id", d.message.MessageId, "attempt", d.attempt, "error", err)
	case changed:
		log.Info("push works again")
	}
}

// backoff doubles with each attempt between the policy's bounds, give or take a
// fifth.
func backoff(policy *pubsubpb.RetryPolicy, attempt int) time.Duration {
	least, most := defaultMinBackoff, defaultMaxBackoff
	if b := policy.GetMinimumBackoff(); b != nil {
		least = b.AsDuration()
	}
	if b := policy.GetMaximumBackoff(); b != nil {
		most = b.AsDuration()
	}
	wait := least
	for range min(attempt-1, 30) {
		if wait *= 2; wait >= most {
			break
		}
	}
	wait = max(least, min(wait, most))
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}
