package broadcast

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/tinylib/msgp/msgp"
)

// emitterID is the sender id of every emitter, by convention of the Node package: no
// server has it, so that each of them delivers the event.
const emitterID = "emitter"

// Options of an [Emitter]. The zero value is the default of Node's adapters.
type Options struct {
	Prefix    string // of the channels; "socket.io" when empty
	Namespace string // "/" when empty
}

// Message is one event for the members of one room, or for the whole namespace when
// Room is empty. Args is a JSON array: the arguments after the event's name.
type Message struct {
	Room, Event string
	Args        json.RawMessage
}

// Emitter publishes events in the form of @socket.io/redis-emitter 5.1. It may be used
// by many goroutines at once.
type Emitter struct {
	client redis.UniversalClient
	opts   Options
	peers  *listeners
}

// New returns an emitter over client. The client should not repeat commands by itself
// (see package redisconn): a PUBLISH that timed out may have been delivered.
func New(client redis.UniversalClient, opts Options) *Emitter {
	if opts.Prefix == "" {
		opts.Prefix = "socket.io"
	}
	if opts.Namespace == "" {
		opts.Namespace = "/"
	}
	peers := &listeners{channel: opts.Prefix + "-request#" + opts.Namespace + "#"}
	client.AddHook(peers)
	return &Emitter{client: client, opts: opts, peers: peers}
}

// Emit publishes msgs in order, in one round trip, and returns how many of the first
// were published for certain; the error says why the next was not. A message that
// cannot be encoded ends the batch before it. Messages after the returned count may
// have been published too when Redis went away in the middle.
//
// Publishing is no delivery: Redis keeps nothing for a server that is not listening.
// After a lost connection Emit waits up to 3 s for the servers that listened before.
func (e *Emitter) Emit(ctx context.Context, msgs ...Message) (int, error) {
	if len(msgs) == 0 {
		return 0, nil
	}
	if err := e.peers.await(ctx, e.client); err != nil {
		return 0, err
	}
	pipe := e.client.Pipeline()
	cmds := make([]*redis.IntCmd, 0, len(msgs))
	var bad error
	for _, m := range msgs {
		payload, err := e.encode(m)
		if err != nil {
			bad = fmt.Errorf("emit %s to room %s: %w", m.Event, m.Room, err)
			break
		}
		cmds = append(cmds, pipe.Publish(ctx, Channel(e.opts.Prefix, e.opts.Namespace, m.Room), payload))
	}
	if len(cmds) > 0 {
		// Each command holds its own error.
		_, _ = pipe.Exec(ctx)
	}
	for i, cmd := range cmds {
		if err := cmd.Err(); err != nil {
			return i, fmt.Errorf("publish %s to room %s: %w", msgs[i].Event, msgs[i].Room, err)
		}
	}
	return len(cmds), bad
}

// encode writes the three parts of an event. The keys stand in the order in which the
// Node emitter writes them.
func (e *Emitter) encode(m Message) ([]byte, error) {
	args, err := AppendMsgpack(nil, m.Args)
	if err != nil {
		return nil, err
	}
	count, args, err := msgp.ReadArrayHeaderBytes(args)
	if err != nil {
		return nil, fmt.Errorf("arguments are no array: %w", ErrSyntax)
	}
	b := make([]byte, 0, len(args)+len(m.Event)+len(m.Room)+96)
	b = msgp.AppendArrayHeader(b, 3)
	b = msgp.AppendString(b, emitterID)
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendString(b, "type")
	b = msgp.AppendUint64(b, 2)
	b = msgp.AppendString(b, "data")
	b = msgp.AppendArrayHeader(b, count+1)
	b = msgp.AppendString(b, m.Event)
	b = append(b, args...)
	b = msgp.AppendString(b, "nsp")
	b = msgp.AppendString(b, e.opts.Namespace)
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendString(b, "rooms")
	if m.Room == "" {
		b = msgp.AppendArrayHeader(b, 0)
	} else {
		b = msgp.AppendArrayHeader(b, 1)
		b = msgp.AppendString(b, m.Room)
	}
	b = msgp.AppendString(b, "flags")
	b = msgp.AppendMapHeader(b, 0)
	b = msgp.AppendString(b, "except")
	b = msgp.AppendArrayHeader(b, 0)
	return b, nil
}
