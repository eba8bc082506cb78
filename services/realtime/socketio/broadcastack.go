package socketio

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ackTime is how long a broadcast waits for answers when nobody says.
const ackTime = 5 * time.Second

// EmitWithAck sends an event to the selected sockets of all servers and waits for their
// clients' answers: until all have answered, or ctx ends, 5 s when it has no deadline.
// Of each answer the first argument is returned, null when there is none: servers
// tell each other no more. The event is in no journal: with one it may overtake what was
// emitted just before. A server that does not say in time how many clients it has is
// not waited for, and neither are clients of this server that are gone. An error that
// wraps ErrPartial comes with the answers that are there; with another one nothing was
// sent.
func (t Target) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	data, attachments, err := eventData(event, args)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, ackTime)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	q := Question{
		Kind: AskClients, Rooms: t.rooms, Except: t.except, Volatile: t.flags.Volatile, Timeout: time.Until(deadline),
		Event: Packet{Type: EventPacket, Namespace: t.ns.name, Data: data, Attachments: attachments},
	}
	var mu sync.Mutex
	var answers []Args
	keep := func(answer Args) {
		mu.Lock()
		defer mu.Unlock()
		answers = append(answers, answer)
	}
	var acks atomic.Int64
	done := make(chan struct{})
	here, err := t.ns.solicit(&q, func() { close(done) }, func(answer Args, ok bool) {
		if ok {
			acks.Add(1)
			keep(answer.first())
		}
	})
	if err != nil {
		return nil, fmt.Errorf("emit %q: %w", event, err)
	}
	err = t.ns.ask(ctx, q, t.flags.Local, func(r Reply) {
		if r.Answer != nil {
			keep(*r.Answer)
		}
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
	here.forget() // no answer is added from here on
	if err = here.missing(ctx, err, int(acks.Load())); err != nil {
		return answers, fmt.Errorf("emit %q: %w", event, err)
	}
	return answers, nil
}

// EmitWithAck sends an event to all sockets and waits for answers; see
// Target.EmitWithAck.
func (ns *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return Target{ns: ns}.EmitWithAck(ctx, event, args...)
}

// solicitation is an event to which sockets of this process owe answers.
type solicitation struct {
	id      uint64
	sockets []*Socket
}

// solicit sends an event to the selected sockets of this process. each is called
// once for every one of them, as awaited, and then done, once.
func (ns *Namespace) solicit(q *Question, done func(), each awaited) (*solicitation, error) {
	so := &solicitation{id: ns.ackID.Add(1) - 1}
	p := q.Event
	p.Namespace, p.ID = ns.name, &so.id
	frame, err := ns.server.frame(&p, "")
	if err != nil {
		return nil, err
	}
	var missing atomic.Int64
	settle := func() {
		if missing.Add(-1) == 0 {
			done()
		}
	}
	missing.Add(1) // until all are asked
	defer settle()
	for _, s := range ns.selected(q.Rooms, q.Except) {
		if q.Volatile && !s.client.conn.Writable() {
			continue
		}
		missing.Add(1)
		so.sockets = append(so.sockets, s)
		s.acks.expect(so.id, func(answer Args, ok bool) {
			each(answer, ok)
			settle()
		})
		if err := s.sendFrame(frame, false); err != nil {
			s.acks.forget(so.id) // it is gone
		}
	}
	return so, nil
}

// forget waits for nobody any longer. Afterwards each is not called.
func (so *solicitation) forget() {
	for _, s := range so.sockets {
		s.acks.forget(so.id)
	}
}

// missing adds the clients of this process, of which so many have answered, to the
// error of the other servers' part.
func (so *solicitation) missing(ctx context.Context, err error, acks int) error {
	var partial *PartialError
	if !errors.As(err, &partial) {
		if err == nil && acks == len(so.sockets) {
			return nil
		}
		partial = &PartialError{Cause: err}
		if err == nil && errors.Is(ctx.Err(), context.Canceled) {
			partial.Cause = context.Canceled
		}
	}
	partial.Clients += len(so.sockets)
	partial.Acks += acks
	return partial
}

// survey is solicit for another server.
func (ns *Namespace) survey(q *Question, reply func(Reply)) {
	wait := q.Timeout
	if wait <= 0 {
		wait = ackTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	so, err := ns.solicit(q, cancel, func(answer Args, ok bool) {
		if ok {
			one := answer.first()
			reply(Reply{Answer: &one})
		}
	})
	if err != nil {
		cancel()
		ns.server.logger.Warn("broadcast dropped", "namespace", ns.name, "error", err)
		reply(Reply{})
		return
	}
	context.AfterFunc(ctx, so.forget)
	reply(Reply{Clients: len(so.sockets)})
}
