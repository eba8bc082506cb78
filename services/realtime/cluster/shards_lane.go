package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// errIdle ends a lane that has no channels.
var errIdle = errors.New("no channels")

// lane is the connection to one node. It is used once: who needs the node after its end
// makes another.
type lane struct {
	shards  *shards
	host    *host
	address string
	wake    chan struct{} // holds one token: there is something to ask
	over    chan struct{} // closed by end
	busy    atomic.Bool   // a message is being handled, others may wait unread
	heard   atomic.Int64  // the last sign of life, in ns since 1970

	// Guarded by shards.mu.
	why      error // of the end
	channels int   // that are on it
	lost     int   // of these, those that were lost and are not heard again
	gap      Gap   // of those that are; reported with the last
	queue    []ask
	asked    map[string]struct{} // and not confirmed
}

// ask is one SSUBSCRIBE or SUNSUBSCRIBE: a cluster takes no more than one slot's
// channels in each.
type ask struct {
	channel string
	listen  bool
}

func newLane(s *shards, h *host, address string) *lane {
	l := &lane{shards: s, host: h, address: address, wake: make(chan struct{}, 1), over: make(chan struct{}), asked: map[string]struct{}{}}
	l.heard.Store(time.Now().UnixNano())
	return l
}

func (l *lane) lastHeard() time.Time { return time.Unix(0, l.heard.Load()) }

// ask queues a request. shards.mu is held.
func (l *lane) ask(channel string, listen bool) {
	l.queue = append(l.queue, ask{channel, listen})
	if listen {
		l.asked[channel] = struct{}{}
	}
	select {
	case l.wake <- struct{}{}:
	default: // the token is there already
	}
}

// end has run return. shards.mu is held.
func (l *lane) end(why error) {
	if l.why == nil {
		l.why = why
		close(l.over)
	}
}

// run listens until ctx or the lane ends, or the connection breaks. Then its channels
// are lost.
func (l *lane) run(ctx context.Context, client redis.UniversalClient) {
	err := l.listen(ctx, client)
	s := l.shards
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || l.why != nil {
		return
	}
	if l.host.lane == l {
		l.host.lane = nil
	}
	if l.host.pause.failures++; l.host.pause.failures == 1 {
		s.log.WarnContext(ctx, "not listening to a node", "node", l.address, "error", err)
	}
	l.host.until = time.Now().Add(l.host.pause.next())
	for channel, c := range s.channels {
		if c.lane == l {
			s.lose(channel, c, err.Error())
		}
	}
	s.reload(ctx)
}

func (l *lane) listen(life context.Context, client redis.UniversalClient) error {
	ctx, end := context.WithCancelCause(life)
	pubsub := client.Subscribe(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { // ends a blocked read
		_ = pubsub.Close()
		close(closed)
	})
	var writer sync.WaitGroup
	writer.Go(func() { end(l.write(ctx, pubsub)) }) // ends with ctx
	defer func() {
		end(nil)
		<-closed
		writer.Wait()
	}()
	for {
		message, err := pubsub.Receive(ctx)
		if err != nil && l.refused(ctx, err) {
			continue
		}
		if ctx.Err() != nil { // the writer has given up, or it is over
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		l.take(ctx, message)
	}
}

// write asks for what is wanted, and for a sign of life when there was none. It returns
// when ctx or the lane ends, nobody answers or something fails.
func (l *lane) write(ctx context.Context, pubsub *redis.PubSub) error {
	tick := time.NewTicker(l.shards.quiet / 2)
	defer tick.Stop()
	last, silent := int64(0), 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.over:
			return errIdle
		case <-l.wake:
			if err := l.send(ctx, pubsub); err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
		case <-tick.C:
			l.shards.mu.Lock()
			gap := l.shards.ended(l) // when what it waited for was removed
			l.shards.mu.Unlock()
			l.shards.report(ctx, gap, l)
			if heard := l.heard.Load(); heard != last || l.busy.Load() {
				last, silent = heard, 0
				continue
			}
			if silent++; silent == silentTicks {
				return fmt.Errorf("no answer for %s", silentTicks*l.shards.quiet/2)
			}
			if err := pubsub.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
		}
	}
}

// send empties the queue.
func (l *lane) send(ctx context.Context, pubsub *redis.PubSub) error {
	l.shards.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.shards.mu.Unlock()
	for _, a := range queue {
		request := pubsub.SUnsubscribe
		if a.listen {
			request = pubsub.SSubscribe
		}
		if err := request(ctx, a.channel); err != nil {
			return err
		}
	}
	return nil
}

// refused takes the answer of a node that does not have a slot, or not now, and says
// whether it was one. Which channel it was about is not said: all that are not confirmed
// are asked for anew.
func (l *lane) refused(ctx context.Context, err error) bool {
	s := l.shards
	text := err.Error()
	away := strings.HasPrefix(text, "MOVED ") && !strings.HasSuffix(text, " "+l.address)
	if !away && !strings.HasPrefix(text, "CLUSTERDOWN ") && !strings.HasPrefix(text, "TRYAGAIN ") {
		return false
	}
	l.heard.Store(time.Now().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	l.host.until = time.Now().Add(again)
	for channel := range l.asked {
		if c := s.channels[channel]; c != nil && c.lane == l && !c.heard {
			s.detach(channel, c)
		}
	}
	clear(l.asked)
	s.reload(ctx)
	s.signal()
	return true
}

// take handles one message of the connection.
func (l *lane) take(ctx context.Context, message any) {
	s := l.shards
	l.heard.Store(time.Now().UnixNano())
	switch m := message.(type) {
	case *redis.Message:
		l.tell(func() {
			s.mu.Lock()
			var handle handler
			if c := s.channels[m.Channel]; c != nil && c.lane == l {
				handle = c.handle
			}
			s.mu.Unlock()
			if handle != nil {
				handle(m.Channel, m.Payload)
			}
		})
	case *redis.Subscription:
		s.mu.Lock()
		var told func()
		var gap Gap
		switch c := s.channels[m.Channel]; {
		case m.Kind == "ssubscribe":
			told, gap = s.confirm(l, m.Channel)
		case m.Kind == "sunsubscribe" && c != nil && c.lane == l && c.heard:
			// Not asked for: what is removed is not in channels, or is there anew and not
			// heard yet.
			s.lose(m.Channel, c, "its slot was moved")
			s.reload(ctx)
		}
		s.mu.Unlock()
		if told != nil {
			l.tell(told)
		}
		s.report(ctx, gap, l)
	}
}

// tell calls f while no message is handled.
func (l *lane) tell(f func()) {
	l.busy.Store(true)
	defer l.busy.Store(false)
	l.shards.turn.Lock()
	defer l.shards.turn.Unlock()
	f()
}

// report tells of a gap, if it is one.
func (s *shards) report(ctx context.Context, gap Gap, l *lane) {
	if gap.Reason == "" {
		return
	}
	s.log.InfoContext(ctx, "listening to sharded channels again", "node", l.address, "away_seconds", gap.Until.Sub(gap.Since).Seconds())
	l.tell(func() { s.onGap(gap) })
}
