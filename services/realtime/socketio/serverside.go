package socketio

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// maxServerEvents is how many events of other servers may wait for their functions.
const maxServerEvents = 1000

// serverSide is what servers say to each other. The zero value is ready.
type serverSide struct {
	mu       sync.Mutex
	handlers []handler
	closed   bool
	inbox    inbox
	waiting  int // events in the inbox
}

// OnServerSide calls fn for every event of that name that another server sends with
// ServerSideEmit. The functions of a namespace run one after another, in the order of
// what arrives. ack answers ServerSideEmitWithAck, with its first argument; whoever does
// not call it has the other server wait until its time is over.
func (ns *Namespace) OnServerSide(event string, fn func(args Args, ack Ack)) {
	ns.serverSide.mu.Lock()
	defer ns.serverSide.mu.Unlock()
	ns.serverSide.handlers = append(ns.serverSide.handlers, handler{event, fn})
}

// ServerSideEmit sends an event to all other servers, not to clients, with arguments as
// Socket.Emit takes them. It does not wait for them. An error says that the others
// will not get it.
func (ns *Namespace) ServerSideEmit(event string, args ...any) error {
	p, err := ns.serverPacket(event, args)
	if err != nil {
		return err
	}
	if peers, ok := ns.bus.(Peers); ok {
		err = peers.Tell(Order{Kind: ServerEvent, Event: p})
	}
	if err != nil {
		return fmt.Errorf("emit %q to servers: %w", event, err)
	}
	return nil
}

// ServerSideEmitWithAck is ServerSideEmit that waits for the other servers' answers, of
// one argument each. An error that wraps ErrPartial comes with those that are there.
func (ns *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	p, err := ns.serverPacket(event, args)
	if err != nil {
		return nil, err
	}
	var answers []Args
	err = ns.ask(ctx, Question{Kind: AskServer, Event: p}, false, func(r Reply) {
		if r.Answer != nil {
			answers = append(answers, *r.Answer)
		}
	})
	if err != nil {
		return answers, fmt.Errorf("emit %q to servers: %w", event, err)
	}
	return answers, nil
}

func (ns *Namespace) serverPacket(event string, args []any) (Packet, error) {
	data, attachments, err := eventData(event, args)
	return Packet{Type: EventPacket, Namespace: ns.name, Data: data, Attachments: attachments}, err
}

// serverEvent has the functions of an event called, which it does not wait for.
func (ns *Namespace) serverEvent(p *Packet, ack Ack) {
	event, err := eventName(p.Data)
	if err != nil {
		ns.server.logger.Warn("event of another server dropped", "namespace", ns.name, "error", err)
		return
	}
	args := newArgs(p, 1)
	args.wantsAck = ack != nil
	if ack == nil {
		ack = noAck
	}
	side := &ns.serverSide
	side.mu.Lock()
	defer side.mu.Unlock()
	handlers := slices.DeleteFunc(slices.Clone(side.handlers), func(h handler) bool { return h.event != event })
	if side.closed || len(handlers) == 0 {
		return
	}
	if side.waiting == maxServerEvents {
		ns.server.logger.Warn("event of another server dropped", "namespace", ns.name, "waiting", side.waiting)
		return
	}
	side.waiting++
	side.inbox.put(&ns.server.workers, func() {
		side.mu.Lock()
		side.waiting--
		side.mu.Unlock()
		for _, h := range handlers {
			ns.server.guard("OnServerSide", func() { h.call(args, ack) })
		}
	})
}

// answering makes the ack of a server's event, which replies once.
func (ns *Namespace) answering(reply func(Reply)) Ack {
	var once sync.Once
	return func(args ...any) {
		once.Do(func() {
			data, attachments, err := marshalArgs(args)
			if err != nil {
				ns.server.logger.Error("event could not be answered", "namespace", ns.name, "error", err)
				return
			}
			answer := newArgs(&Packet{Data: data, Attachments: attachments}, 0).first()
			reply(Reply{Answer: &answer})
		})
	}
}

// close drops what other servers send from now on.
func (side *serverSide) close() {
	side.mu.Lock()
	defer side.mu.Unlock()
	side.closed = true
}
