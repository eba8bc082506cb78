package broadcast

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/tinylib/msgp/msgp"
)

// emitterID is the sender id of every emitter, by convention of the Node package: no
// server has it, so that each of them delivers the event.
const emitterID = "emitter"

// Options of an [Emitter]. The zero value is the default of Node's adapters.
type Options struct {
	Adapter   Adapter
	Prefix    string // of the channels; "socket.io" when empty
	Namespace string // "/" when empty
	Keys      string // what the names of the log's keys begin with; "vegas" when empty
}

// Message is one event for the members of one room, or for the whole namespace when
// Room is empty. Args is a JSON array: the arguments after the event's name. ID, unless
// empty, names the event: however often it is emitted within 10 minutes, it is once in
// the log and reaches every player once.
type Message struct {
	Room, Event string
	Args        json.RawMessage
	ID          string
}

// Emitter writes events into the room log of a namespace, in the form of
// @socket.io/redis-emitter 5.1, or of the sharded adapter, with an element more that Node
// passes over (see [Tail]).
// It may be used by many goroutines at once.
type Emitter struct {
	opts  Options
	lanes [lanes]lane
}

// New returns an emitter over client. The client should not repeat commands by itself
// (see package redisconn).
func New(client redis.UniversalClient, opts Options) *Emitter {
	if opts.Prefix == "" {
		opts.Prefix = "socket.io"
	}
	if opts.Namespace == "" {
		opts.Namespace = "/"
	}
	e := &Emitter{opts: opts}
	log := NewLog(client, LogOptions{Channel: Channel(opts.Prefix, opts.Namespace, ""), Keys: opts.Keys, Sharded: opts.Adapter.Sharded()})
	for i := range e.lanes {
		e.lanes[i].log, e.lanes[i].origin = log, NewName()
	}
	return e
}

// Emit writes msgs in order and returns how many of the first are in the log for
// certain; the error says why the next is not. A message that cannot be encoded ends the
// batch before it. Messages after the returned count may be there too when Redis went
// away in the middle: with an ID they may be emitted again without harm.
//
// Servers read the log up to where they are whenever they come back to Redis, so nobody
// needs to listen at the moment. When Redis loses its data, what was emitted in the last
// 10 s is written again: by Keep, or by the next Emit to the same rooms.
func (e *Emitter) Emit(ctx context.Context, msgs ...Message) (int, error) {
	entries := make([]Entry, 0, len(msgs))
	var bad error
	for _, m := range msgs {
		entry, err := e.entry(m)
		if err != nil {
			bad = fmt.Errorf("emit %s to room %s: %w", m.Event, m.Room, err)
			break
		}
		entries = append(entries, entry)
	}
	for sent := 0; sent < len(entries); {
		lane, next := laneOf(msgs[sent].Room), sent+1
		for next < len(entries) && laneOf(msgs[next].Room) == lane {
			next++
		}
		n, err := e.lanes[lane].send(ctx, entries[sent:next])
		if sent += n; err != nil {
			return sent, fmt.Errorf("emit %s to room %s: %w", msgs[sent].Event, msgs[sent].Room, err)
		}
	}
	return len(entries), bad
}

// keepEvery is how often Keep looks.
const keepEvery = time.Second

// Keep writes again what Redis loses, until ctx ends. It reports no error: it tries
// again.
func (e *Emitter) Keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := range e.lanes {
			if e.lanes[i].keep(ctx) != nil {
				break // the others ask the same Redis
			}
		}
	}
}

// laneOf keeps the messages of a room in one order, for those who emit at once.
func laneOf(room string) int {
	h := fnv.New32a()
	h.Write([]byte(room))
	return int(h.Sum32() % lanes)
}

// entry makes of an event what goes into the log. On the sharded wire all of the log is
// on the channel of the namespace.
func (e *Emitter) entry(m Message) (Entry, error) {
	args, err := AppendMsgpack(nil, m.Args)
	if err != nil {
		return Entry{}, err
	}
	count, args, err := msgp.ReadArrayHeaderBytes(args)
	if err != nil {
		return Entry{}, fmt.Errorf("arguments are no array: %w", ErrSyntax)
	}
	entry := Entry{ID: m.ID}
	if m.Room != "" {
		entry.Rooms = []string{m.Room}
	}
	if !e.opts.Adapter.Sharded() {
		entry.Channel = Channel(e.opts.Prefix, e.opts.Namespace, m.Room)
		entry.Payload = e.classic(m, count, args)
		return entry, nil
	}
	entry.Channel, entry.Form = Channel(e.opts.Prefix, e.opts.Namespace, ""), Object
	entry.Payload, err = e.sharded(m, count, args)
	return entry, err
}

// sharded writes an event as an object without its end. The keys stand in the order in
// which Node's servers write them.
func (e *Emitter) sharded(m Message, count uint32, args []byte) ([]byte, error) {
	b := make([]byte, 0, len(args)+len(m.Event)+len(m.Room)+160)
	b = appendQuoted(append(b, `{"uid":"`+emitterID+`","nsp":`...), []byte(e.opts.Namespace))
	b = append(b, `,"type":3,"data":{"opts":{"rooms":[`...)
	if m.Room != "" {
		b = appendQuoted(b, []byte(m.Room))
	}
	b = append(b, `],"except":[],"flags":{}},"packet":{"type":2,"data":[`...)
	b = appendQuoted(b, []byte(m.Event))
	for range count {
		var err error
		if b, _, args, err = AppendJSON(append(b, ','), args); err != nil {
			return nil, err
		}
	}
	return append(b, `]}}`...), nil
}

// classic writes the first three of four parts of an event. The keys stand in the order
// in which the Node emitter writes them.
func (e *Emitter) classic(m Message, count uint32, args []byte) []byte {
	b := make([]byte, 0, len(args)+len(m.Event)+len(m.Room)+96)
	b = msgp.AppendArrayHeader(b, 4)
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
	return msgp.AppendArrayHeader(b, 0)
}
