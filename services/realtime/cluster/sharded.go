package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// Mode is how servers of the sharded adapter use channels; all have to use the same. The
// values are those of subscriptionMode in Node.
type Mode = broadcast.Adapter

// The modes. Events of the room log are on the namespace's channel in every mode.
const (
	Static         = broadcast.Static         // one channel for a namespace, and one for each server's answers
	Dynamic        = broadcast.Dynamic        // one more for each room with sockets, but not for their ids
	DynamicPrivate = broadcast.DynamicPrivate // and for these, too
)

// idLength is by what servers tell ids of sockets from names of rooms.
const idLength = 20

// NewSharded is NewRedis in the form of the sharded adapter of @socket.io/redis-adapter
// 8.3, which needs Redis 7: on a Redis Cluster each channel is on one node only. mode is
// Dynamic when empty, as in Node.
func NewSharded(publish, subscribe redis.UniversalClient, mode Mode, opts Options, log *slog.Logger) *Redis {
	if opts.UID == "" {
		var raw [8]byte
		rand.Read(raw[:]) // never fails
		opts.UID = hex.EncodeToString(raw[:])
	}
	r := newRedis(publish, opts, log)
	r.publisher.sharded = true
	r.shards = newShards(subscribe, r.opts.Quiet, r.onShardGap, log)
	r.hearing = r.shards
	mode = cmp.Or(mode, Dynamic)
	r.open = func(ns socketio.Local) *base { return &newShardedBus(r, mode, ns).base }
	return r
}

// onShardGap has all namespaces look for what they have missed. It does not wait.
func (r *Redis) onShardGap(gap Gap) {
	r.mu.Lock()
	for _, b := range r.buses {
		b.journal.doubt()
	}
	r.mu.Unlock()
	r.opts.OnGap(gap)
}

// doubt has the clerk compare the position with the log.
func (j *journal) doubt() {
	j.deliver.Lock()
	defer j.deliver.Unlock()
	j.holed = j.head.Epoch != ""
}

// shardedBus is one namespace on the channels of the sharded adapter.
type shardedBus struct {
	base
	mode    Mode
	answers string    // channel of answers to this container
	marks   [2]string // with which its own messages begin

	mu      sync.Mutex
	watched map[string]struct{} // channels of rooms
	left    bool
}

func newShardedBus(r *Redis, mode Mode, ns socketio.Local) *shardedBus {
	channel := broadcast.Channel(r.opts.Prefix, ns.Name(), "")
	b := &shardedBus{
		base: base{redis: r, ns: ns, name: ns.Name(), channel: channel},
		mode: mode, answers: channel + r.opts.UID + "#", marks: marks(r.opts.UID), watched: map[string]struct{}{},
	}
	b.wire = b
	opts := r.journalOptions(b.name)
	opts.sharded = true
	b.journal = newJournal(r.client, ns, channel, b, &r.received, opts, r.log)
	r.shards.add(b.channel, b.onMessage)
	r.shards.add(b.answers, b.onMessage)
	return b
}

// leave implements wire.
func (b *shardedBus) leave() {
	b.redis.shards.remove(b.channel)
	b.redis.shards.remove(b.answers)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = true
	for channel := range b.watched {
		b.redis.shards.remove(channel)
	}
	clear(b.watched)
}

// own says whether broadcasts to a room have a channel of their own. Servers that
// publish do not know which rooms are ids.
func (b *shardedBus) own(room string) bool {
	return b.mode == DynamicPrivate || b.mode == Dynamic && len(room) != idLength
}

// Watch implements socketio.Watcher.
func (b *shardedBus) Watch(room string) {
	if !b.own(room) {
		return
	}
	channel := b.channel + room + "#"
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.left {
		b.watched[channel] = struct{}{}
		b.redis.shards.add(channel, b.onMessage)
	}
}

// Unwatch implements socketio.Watcher.
func (b *shardedBus) Unwatch(room string) {
	channel := b.channel + room + "#"
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.watched[channel]; ok {
		delete(b.watched, channel)
		b.redis.shards.remove(channel)
	}
}

// Publish implements socketio.Bus; see bus.Publish.
func (b *shardedBus) Publish(m socketio.Broadcast) error {
	payload, err := encodeSharded(b.redis.opts.UID, b.name, &m)
	if err != nil {
		return fmt.Errorf("encode broadcast: %w", err)
	}
	channel := b.channel
	if len(m.Rooms) == 1 && b.own(m.Rooms[0]) {
		channel += m.Rooms[0] + "#"
	}
	return b.redis.publisher.send(channel, payload)
}

// Size implements socketio.Bus. On an error it is the size of a container alone.
func (b *shardedBus) Size(ctx context.Context) (containers int, err error) {
	n, err := subscribers(ctx, b.redis.client, b.channel, true)
	if err != nil {
		return 1, fmt.Errorf("count containers of %s: %w", b.name, err)
	}
	return max(1, n), nil
}

// entry implements codec.
func (b *shardedBus) entry(m socketio.Broadcast) (broadcast.Entry, error) {
	payload, err := encodeSharded(b.redis.opts.UID, b.name, &m)
	if err != nil {
		return broadcast.Entry{}, fmt.Errorf("encode broadcast: %w", err)
	}
	e := broadcast.Entry{Channel: b.channel, Form: broadcast.Object}
	if payload[0] == '{' {
		e.Payload = payload[:len(payload)-1]
	} else {
		payload[0]++ // the header of a map, which has one pair more
		e.Form, e.Payload = broadcast.Map, payload
	}
	return e, nil
}

// decode implements codec.
func (b *shardedBus) decode(message []byte) (socketio.Broadcast, error) {
	m, err := decodeMessage(string(message))
	var found socketio.Broadcast
	if err == nil {
		found, err = m.broadcast()
	}
	if err != nil {
		b.redis.malformedMessage(b.channel, err)
	}
	return found, err
}

// onMessage takes a message of any channel.
func (b *shardedBus) onMessage(channel, payload string) {
	if channel == b.channel {
		if tail, ok := broadcast.ParseTail(payload); ok {
			b.receive(loggedRoom(payload), tail, payload)
			return
		}
	}
	own := strings.HasPrefix(payload, b.marks[0]) || strings.HasPrefix(payload, b.marks[1])
	if own && b.told.none() {
		return
	}
	m, err := decodeMessage(payload)
	if err == nil && m.Nsp == b.name {
		err = b.take(m, own)
	}
	if err != nil {
		b.redis.malformedMessage(channel, err)
	}
}

// take does what a message says.
func (b *shardedBus) take(m *envelope, own bool) error {
	if m.Type == shardedBroadcast && m.Data.ID == "" {
		if own {
			return nil
		}
		found, err := m.broadcast()
		if err == nil && b.isFor(found.Rooms) {
			b.redis.received.Add(1)
			b.pass(found)
		}
		return err
	}
	if o, ok, err := m.order(); ok || err != nil {
		if err == nil && (!own || o.Kind != socketio.ServerEvent) {
			b.obey(o, m.Data.ID, own)
		}
		return err
	}
	if own {
		return nil
	}
	if q, ok, err := m.question(); ok || err != nil {
		if err == nil {
			b.ns.Answer(q, func(reply socketio.Reply) { b.answer(m, &reply) })
		}
		return err
	}
	if g := b.asked.find(m.Data.ID); g != nil {
		reply, err := m.reply(g.kind)
		if err == nil {
			g.add(reply)
		}
		return err
	}
	return nil
}

// answer publishes what this container says to a question.
func (b *shardedBus) answer(m *envelope, reply *socketio.Reply) {
	payload, err := encodeReply(b.redis.opts.UID, m, reply)
	b.reply(b.channel+m.UID+"#", payload, err)
}

// question implements wire.
func (b *shardedBus) question(id string, q *socketio.Question) (channel string, payload []byte, err error) {
	payload, err = encodeQuestion(b.redis.opts.UID, b.name, id, q)
	return b.channel, payload, err
}

// order implements wire.
func (b *shardedBus) order(id string, o *socketio.Order) (channel string, payload []byte, err error) {
	payload, err = encodeOrder(b.redis.opts.UID, b.name, id, o)
	return b.channel, payload, err
}
