package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// flushTime bounds how long a namespace waits at its end for what it has to say.
const flushTime = 3 * time.Second

// errNotBack says that Redis has not passed an order on in time.
var errNotBack = errors.New("request did not come back in time")

// wire is what the two forms of a bus do each in its own way.
type wire interface {
	socketio.Bus
	// question and order encode what is published on one channel.
	question(id string, q *socketio.Question) (channel string, payload []byte, err error)
	order(id string, o *socketio.Order) (channel string, payload []byte, err error)
	// leave ends the listening.
	leave()
}

// base is what both forms of a bus have in common.
type base struct {
	*journal
	redis   *Redis
	ns      socketio.Local
	name    string
	channel string // of broadcasts to the whole namespace
	wire    wire
	asked   asked
	told    told
}

// Ask implements socketio.Peers.
func (b *base) Ask(ctx context.Context, q socketio.Question, take func(socketio.Reply)) error {
	if !b.redis.hears() {
		return &socketio.PartialError{Cause: ErrAlone}
	}
	end := time.Now().Add(b.redis.opts.RequestTimeout)
	brief, cancel := context.WithDeadline(ctx, end)
	servers, err := b.wire.Size(brief)
	cancel()
	if err != nil {
		return &socketio.PartialError{Cause: err}
	}
	if servers--; servers == 0 {
		return nil
	}
	id := newUID(12)
	channel, payload, err := b.wire.question(id, &q)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	if q.Kind == socketio.AskClients { // it comes to them after what was emitted before
		b.journal.own.settle(time.Until(end))
	}
	g := newGathering(q.Kind, servers, take)
	b.asked.begin(id, g)
	defer b.asked.end(id)
	if err := b.redis.publisher.send(channel, payload); err != nil {
		return &socketio.PartialError{Servers: servers, Cause: err}
	}
	return g.wait(ctx, end)
}

// Tell implements socketio.Peers. What this container has emitted is in the log before
// the order is published, and the order is carried out here when it comes back, as it is
// by the others when it comes to them.
func (b *base) Tell(o socketio.Order) error {
	id := newUID(12)
	channel, payload, err := b.wire.order(id, &o)
	if err != nil {
		return fmt.Errorf("encode order: %w", err)
	}
	if o.Kind == socketio.ServerEvent {
		return b.redis.publisher.send(channel, payload)
	}
	end := time.Now().Add(b.redis.opts.RequestTimeout)
	b.journal.own.settle(time.Until(end))
	back := b.told.begin(id)
	err = b.redis.publisher.send(channel, payload)
	if err == nil && !b.redis.hears() {
		err = ErrAlone
	}
	if err == nil {
		timer := time.NewTimer(time.Until(end))
		defer timer.Stop()
		select {
		case <-back:
			return nil
		case <-timer.C:
			err = errNotBack
		}
	}
	if _, open := b.told.take(id); !open { // it has come just now
		<-back
		return nil
	}
	return err
}

// obey carries out an order, unless it is an own one that is not waited for any longer.
func (b *base) obey(o socketio.Order, id string, own bool) {
	if own {
		done, ok := b.told.take(id)
		if !ok {
			return
		}
		defer done()
	}
	b.ns.Obey(o)
}

// reply publishes a reply, unless it could not be encoded.
func (b *base) reply(channel string, payload []byte, err error) {
	if err == nil {
		err = b.redis.publisher.send(channel, payload)
	}
	if err != nil {
		b.redis.log.Warn("request of another server is not answered", "namespace", b.name, "error", err)
	}
}

// Close implements socketio.Bus.
func (b *base) Close() error {
	b.redis.forget(b)
	b.wire.leave()
	done := b.redis.publisher.flush(flushTime)
	b.journal.close(flushTime)
	if !done {
		return errors.New("not everything was published in time")
	}
	return nil
}

// settle waits until what was added so far is in the log, but not longer than limit.
func (o *own) settle(limit time.Duration) {
	deadline := time.Now().Add(limit)
	defer time.AfterFunc(limit, o.idle.Broadcast).Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for last := o.count; o.written < len(o.list) && o.list[o.written].entry.Count <= last && time.Now().Before(deadline); {
		o.idle.Wait()
	}
}
