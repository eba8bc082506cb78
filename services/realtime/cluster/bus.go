package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// flushTime bounds how long a namespace waits at its end for what it has to say.
const flushTime = 3 * time.Second

// bus is one namespace on the channels.
type bus struct {
	redis    *Redis
	ns       socketio.Local
	name     string
	channel  string // of broadcasts to the whole namespace, and the beginning of each room's
	pattern  string // matches channel and all rooms' channels
	requests string // channel of requests
	answers  string // channel of answers to them
}

func newBus(r *Redis, ns socketio.Local) *bus {
	name, prefix := ns.Name(), r.opts.Prefix
	channel := broadcast.Channel(prefix, name, "")
	return &bus{
		redis: r, ns: ns, name: name,
		channel: channel, pattern: escapeGlob(channel) + "*",
		requests: prefix + "-request#" + name + "#", answers: prefix + "-response#" + name + "#",
	}
}

// escapeGlob makes every character of a channel's name stand for itself in a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// requestChannels are the channels besides the pattern. Peers count the subscriptions
// to the first of them.
func (b *bus) requestChannels() []string {
	return []string{b.requests, b.answers, b.answers + b.redis.opts.UID + "#"}
}

// Publish implements socketio.Bus. ErrAlone says that Redis is away, or too slow.
func (b *bus) Publish(m socketio.Broadcast) error {
	payload, err := encodeBroadcast(b.redis.opts.UID, b.name, m)
	if err != nil {
		return fmt.Errorf("encode broadcast: %w", err)
	}
	channel := b.channel
	if len(m.Rooms) == 1 {
		channel = broadcast.Channel(b.redis.opts.Prefix, b.name, m.Rooms[0])
	}
	return b.redis.publisher.send(channel, payload)
}

// Close implements socketio.Bus.
func (b *bus) Close() error {
	b.redis.forget(b)
	if !b.redis.publisher.flush(flushTime) {
		return errors.New("not everything was published in time")
	}
	return nil
}

// Size implements socketio.Bus. On an error it is the size of a container alone.
func (b *bus) Size(ctx context.Context) (containers int, err error) {
	counts, err := b.redis.client.PubSubNumSub(ctx, b.requests).Result()
	if err != nil {
		return 1, fmt.Errorf("count containers of %s: %w", b.name, err)
	}
	return max(1, int(counts[b.requests])), nil
}

// onBroadcast takes a message of the pattern. Whether anybody is there is looked up
// before anything is decoded: most rooms are on other containers only.
func (b *bus) onBroadcast(channel, payload string) {
	room, ok := strings.CutPrefix(channel, b.channel)
	if !ok {
		return
	}
	if room = strings.TrimSuffix(room, "#"); room != "" && !b.ns.HasRoom(room) {
		return
	}
	if strings.HasPrefix(payload, b.redis.mark) {
		return
	}
	m, err := decodeBroadcast([]byte(payload), b.name)
	switch {
	case err == nil:
		b.redis.received.Add(1)
		b.ns.Deliver(m)
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
