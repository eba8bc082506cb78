package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Gap is a time in which this container may have missed what others published.
type Gap struct {
	Since, Until time.Time // last sign of life before, and whole again
	Reason       string
}

// handler takes the messages of one channel or pattern.
type handler func(channel, payload string)

// subscriber holds the one connection on which this process listens. It reads on one
// goroutine, so messages keep their order.
//
// A half-open connection looks like a quiet one, so silence is broken with pings; when
// not even they are answered the connection is given up. Redis keeps nothing for a
// listener that is away: each new subscription after a loss is a gap, and reported.
type subscriber struct {
	route  route // the run goroutine's alone, and its writer's
	log    *slog.Logger
	quiet  time.Duration
	onGap  func(Gap)
	change chan struct{} // holds one token: the wanted subscriptions changed
	pause  backoff       // the run goroutine's alone
	busy   atomic.Bool   // a message is being handled, others may wait unread

	mu       sync.Mutex
	channels map[string]handler
	patterns map[string]handler
	confirms map[string]func()   // who is told that a pattern is subscribed to, again
	waiting  map[string]struct{} // wanted, and not confirmed on this connection
	whole    bool                // all were confirmed
	since    time.Time           // of whole's present value
	heard    time.Time           // last sign of life
	lost     Gap                 // the gap there will be; no Reason when there will be none
	gaps     uint64
	last     Gap
}

func newSubscriber(client redis.UniversalClient, quiet time.Duration, onGap func(Gap), log *slog.Logger) *subscriber {
	now := time.Now()
	return &subscriber{
		route: route{client: client}, quiet: quiet, onGap: onGap, log: log, change: make(chan struct{}, 1),
		channels: map[string]handler{}, patterns: map[string]handler{}, confirms: map[string]func(){}, waiting: map[string]struct{}{},
		since: now, heard: now,
	}
}

// add listens to a pattern and to channels. It does not wait for Redis.
func (s *subscriber) add(pattern string, broadcasts handler, channels []string, requests handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patterns[pattern] = broadcasts
	s.waiting[pattern] = struct{}{}
	for _, channel := range channels {
		s.channels[channel] = requests
		s.waiting[channel] = struct{}{}
	}
	s.signal()
}

// onConfirm has f called at every subscription to a pattern, before its first message.
func (s *subscriber) onConfirm(pattern string, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirms[pattern] = f
}

// remove is the opposite of add.
func (s *subscriber) remove(pattern string, channels []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.patterns, pattern)
	delete(s.confirms, pattern)
	delete(s.waiting, pattern)
	for _, channel := range channels {
		delete(s.channels, channel)
		delete(s.waiting, channel)
	}
	s.signal()
}

func (s *subscriber) signal() {
	select {
	case s.change <- struct{}{}:
	default: // the token is there already
	}
}

// run listens until ctx ends.
func (s *subscriber) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.session(ctx)
		s.route.fail(ctx)
	}
}

// session listens over one PubSub, which connects and subscribes anew by itself when
// its connection breaks, but to the same node of a cluster, and would wait for ever on
// one that is silent. It returns when another is to be tried, or life ends.
func (s *subscriber) session(life context.Context) {
	node, err := s.route.node(life)
	if err != nil {
		s.fail(life, err)
		sleep(life, s.pause.next())
		return
	}
	ctx, end := context.WithCancelCause(life)
	pubsub := node.Subscribe(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { // ends a blocked read
		_ = pubsub.Close()
		close(closed)
	})
	var writer sync.WaitGroup
	writer.Go(func() { end(s.write(ctx, pubsub)) }) // ends with ctx
	defer func() {
		end(nil)
		<-closed
		writer.Wait()
	}()
	for {
		// No deadline: it could cut a message in two, and it would have passed when a
		// container that stood still goes on, with messages waiting to be read.
		message, err := pubsub.Receive(ctx)
		if err == nil {
			s.pause.failures = 0
			s.take(message)
			continue
		}
		if life.Err() != nil {
			return
		}
		over := ctx.Err() != nil // the writer has given up
		if over {
			err = context.Cause(ctx)
		}
		s.fail(life, err)
		if !sleep(life, s.pause.next()) || over || s.route.current != nil {
			return // in a cluster, to try another node
		}
	}
}

// silentTicks is how many ticks without a sign of life end a connection. Ticks are
// counted and not the time: a container that stood still has none to count.
const silentTicks = 4

// write keeps the subscriptions of a PubSub as they are wanted, and asks for a sign of
// life when there was none. It returns when ctx ends, nobody answers or something fails:
// the library reconnects then too, but may leave out what was being subscribed to.
func (s *subscriber) write(ctx context.Context, pubsub *redis.PubSub) error {
	asked := map[string]bool{} // name of a channel or pattern: whether it is a pattern
	if err := s.subscribe(ctx, pubsub, asked); err != nil {
		return err
	}
	tick := time.NewTicker(s.quiet / 2)
	defer tick.Stop()
	last, silent, strayed := time.Time{}, 0, 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.change:
			if err := s.subscribe(ctx, pubsub, asked); err != nil {
				return err
			}
		case <-tick.C:
			if strayed++; s.route.belongs(ctx) {
				strayed = 0
			}
			if strayed == strays {
				return errors.New("its node has left the cluster")
			}
			heard := s.lastHeard()
			if heard.After(last) || s.busy.Load() {
				last, silent = heard, 0
				continue
			}
			if silent++; silent == silentTicks {
				return fmt.Errorf("no answer for %s", silentTicks*s.quiet/2)
			}
			if err := pubsub.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
		}
	}
}

func (s *subscriber) lastHeard() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}

// subscribe asks for what is wanted and was not asked for, and the reverse.
func (s *subscriber) subscribe(ctx context.Context, pubsub *redis.PubSub, asked map[string]bool) error {
	var patterns, channels, noPatterns, noChannels []string
	s.mu.Lock()
	for name := range s.patterns {
		if _, ok := asked[name]; !ok {
			asked[name] = true
			patterns = append(patterns, name)
		}
	}
	for name := range s.channels {
		if _, ok := asked[name]; !ok {
			asked[name] = false
			channels = append(channels, name)
		}
	}
	for name, pattern := range asked {
		switch {
		case pattern && s.patterns[name] == nil:
			noPatterns = append(noPatterns, name)
			delete(asked, name)
		case !pattern && s.channels[name] == nil:
			noChannels = append(noChannels, name)
			delete(asked, name)
		}
	}
	s.mu.Unlock()
	for _, request := range []struct {
		send  func(context.Context, ...string) error
		names []string
	}{
		{pubsub.PSubscribe, patterns}, {pubsub.Subscribe, channels},
		{pubsub.PUnsubscribe, noPatterns}, {pubsub.Unsubscribe, noChannels},
	} {
		if len(request.names) > 0 { // no names would mean all
			if err := request.send(ctx, request.names...); err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
		}
	}
	return nil
}

// fail notes that the connection is lost, with all its subscriptions.
func (s *subscriber) fail(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pause.failures++; s.pause.failures == 1 {
		s.log.WarnContext(ctx, "not listening to other containers", "error", err)
	}
	if s.whole {
		s.whole, s.since = false, time.Now()
	}
	if s.lost.Reason == "" {
		s.lost = Gap{Since: s.heard, Reason: err.Error()}
	}
	for name := range s.patterns {
		s.waiting[name] = struct{}{}
	}
	for name := range s.channels {
		s.waiting[name] = struct{}{}
	}
}

// take handles one message of the connection.
func (s *subscriber) take(message any) {
	s.mu.Lock()
	s.heard = time.Now()
	switch m := message.(type) {
	case *redis.Message:
		handle := s.channels[m.Channel]
		if m.Pattern != "" {
			handle = s.patterns[m.Pattern]
		}
		s.mu.Unlock()
		if handle != nil {
			s.busy.Store(true)
			handle(m.Channel, m.Payload)
			s.busy.Store(false)
		}
	case *redis.Subscription:
		gap := s.confirm(m)
		var confirmed func()
		if m.Kind == "psubscribe" {
			confirmed = s.confirms[m.Channel]
		}
		s.mu.Unlock()
		s.busy.Store(true)
		defer s.busy.Store(false)
		if confirmed != nil {
			confirmed()
		}
		if gap.Reason != "" {
			s.log.Info("listening to other containers again", "away_seconds", gap.Until.Sub(gap.Since).Seconds())
			s.onGap(gap)
		}
	default:
		s.mu.Unlock()
	}
}

// confirm notes one subscription, and returns the gap that ends with the last one. s.mu
// is held.
func (s *subscriber) confirm(m *redis.Subscription) (gap Gap) {
	if m.Kind != "subscribe" && m.Kind != "psubscribe" {
		return Gap{}
	}
	delete(s.waiting, m.Channel)
	if len(s.waiting) > 0 || s.whole {
		return Gap{}
	}
	s.whole, s.since = true, s.heard
	gap, s.lost = s.lost, Gap{}
	if gap.Reason != "" {
		gap.Until = s.heard
		s.last = gap
		s.gaps++
	}
	return gap
}
