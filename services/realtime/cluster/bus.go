package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// bus is one namespace on the channels of the classic adapter.
type bus struct {
	base
	pattern  string // matches channel and all rooms' channels
	requests string // channel of requests
	answers  string // channel of answers to them
	direct   string // channel of those for this container alone
}

func newBus(r *Redis, ns socketio.Local) *bus {
	name, prefix := ns.Name(), r.opts.Prefix
	channel := broadcast.Channel(prefix, name, "")
	b := &bus{
		base:    base{redis: r, ns: ns, name: name, channel: channel},
		pattern: escapeGlob(channel) + "*", requests: prefix + "-request#" + name + "#", answers: prefix + "-response#" + name + "#",
	}
	b.direct = b.directAnswers(r.opts.UID)
	b.wire = b
	b.journal = newJournal(r.client, ns, channel, b, &r.received, r.journalOptions(name), r.log)
	r.subscriber.onConfirm(b.pattern, b.fill)
	r.subscriber.add(b.pattern, b.onBroadcast, b.requestChannels(), b.onRequest)
	return b
}

// directAnswers is the channel of answers for one server.
func (b *bus) directAnswers(uid string) string { return b.answers + uid + "#" }

// leave implements wire.
func (b *bus) leave() { b.redis.subscriber.remove(b.pattern, b.requestChannels()) }

// escapeGlob makes every character of a channel's name stand for itself in a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// requestChannels are the channels besides the pattern. Peers count the subscriptions
// to the first of them.
func (b *bus) requestChannels() []string {
	return []string{b.requests, b.answers, b.direct}
}

// Publish implements socketio.Bus. ErrAlone says that Redis is away, or too slow.
func (b *bus) Publish(m socketio.Broadcast) error {
	payload, err := encodeBroadcast(b.redis.opts.UID, b.name, m)
	if err != nil {
		return fmt.Errorf("encode broadcast: %w", err)
	}
	return b.redis.publisher.send(b.channelOf(m.Rooms), payload)
}

// channelOf is the channel of a broadcast to rooms.
func (b *bus) channelOf(rooms []string) string {
	if len(rooms) == 1 {
		return broadcast.Channel(b.redis.opts.Prefix, b.name, rooms[0])
	}
	return b.channel
}

// entry implements codec: a message as Publish sends it, and one part more.
func (b *bus) entry(m socketio.Broadcast) (broadcast.Entry, error) {
	payload, err := encodeBroadcast(b.redis.opts.UID, b.name, m)
	if err != nil {
		return broadcast.Entry{}, fmt.Errorf("encode broadcast: %w", err)
	}
	payload[0]++ // the header of an array of three
	return broadcast.Entry{Channel: b.channelOf(m.Rooms), Payload: payload, Form: broadcast.Array}, nil
}

// decode implements codec.
func (b *bus) decode(message []byte) (socketio.Broadcast, error) {
	m, err := decodeBroadcast(message, b.name)
	if err != nil {
		b.redis.malformedMessage(b.channel, err)
	}
	return m, err
}

// Size implements socketio.Bus. On an error it is the size of a container alone.
func (b *bus) Size(ctx context.Context) (containers int, err error) {
	n, err := subscribers(ctx, b.redis.client, b.requests, false)
	if err != nil {
		return 1, fmt.Errorf("count containers of %s: %w", b.name, err)
	}
	return max(1, n), nil
}

// onBroadcast takes a message of the pattern. Whether anybody is there is looked up
// before anything is decoded: most rooms are on other containers only.
func (b *bus) onBroadcast(channel, payload string) {
	room, ok := strings.CutPrefix(channel, b.channel)
	if !ok {
		return
	}
	room = strings.TrimSuffix(room, "#")
	if tail, ok := broadcast.ParseTail(payload); ok {
		b.receive(room, tail, payload)
		return
	}
	if room != "" && !b.ns.HasRoom(room) || strings.HasPrefix(payload, b.redis.mark) {
		return
	}
	m, err := decodeBroadcast([]byte(payload), b.name)
	switch {
	case err == nil:
		b.redis.received.Add(1)
		b.pass(m)
	case !errors.Is(err, errNamespace):
		b.redis.malformedMessage(channel, err)
	}
}

// malformedMessage counts, and logs the first and then every thousandth.
func (r *Redis) malformedMessage(channel string, err error) {
	if n := r.malformed.Add(1); n%1000 == 1 {
		r.log.Warn("message of another server is malformed", "channel", channel, "error", err, "total", n)
	}
}
