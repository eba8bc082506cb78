package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

const (
	lastSend  = 500 * time.Millisecond // for what is to be sent when Run ends
	maxSingle = 256                    // messages of no link that may wait
)

// addressed is a message and the link that it belongs to, if any.
type addressed struct {
	message
	link *link
}

// touch has the publisher look at a link. It is called with link.mu held.
func (c *Control) touch(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty = append(c.dirty, l)
	c.stir()
}

func (c *Control) stir() {
	select {
	case c.wake <- struct{}{}:
	default: // the token is there already
	}
}

// tell sends a message that belongs to no link, or drops it when there are too many.
func (c *Control) tell(channel string, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.single) < maxSingle {
		c.single = append(c.single, message{channel, payload})
		c.stir()
	}
}

// publish sends until ctx ends, and then what still waits. What gathers during one
// round trip goes out together with the next.
func (c *Control) publish(ctx context.Context) {
	for {
		select {
		case <-c.wake:
			c.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSend)
			defer cancel()
			c.flush(last)
			return
		}
	}
}

// flush sends what waits. It is sent again after an error, because the receiver drops
// what it has had, until the links have given up; and Redis is asked until it answers.
func (c *Control) flush(ctx context.Context) {
	batch := c.collect()
	for pause := (backoff{}); len(batch) > 0 || c.down.Load(); {
		err := c.pipeline(ctx, batch)
		if err != nil {
			c.route.fail(ctx)
		}
		if c.down.Swap(err != nil) != (err != nil) {
			if err != nil {
				c.log.WarnContext(ctx, "not forwarding to other containers", "error", err)
			} else {
				c.log.InfoContext(ctx, "forwarding to other containers again")
			}
		}
		if err == nil {
			return
		}
		if pause.failures++; !sleep(ctx, pause.next()) {
			return
		}
		batch = append(alive(batch), c.collect()...)
	}
}

// collect takes what waits, in order for each link.
func (c *Control) collect() []addressed {
	c.mu.Lock()
	dirty, single := c.dirty, c.single
	c.dirty, c.single = nil, nil
	c.mu.Unlock()
	var batch []addressed
	for _, m := range single {
		batch = append(batch, addressed{message: m})
	}
	for _, l := range dirty {
		for _, m := range l.take() {
			batch = append(batch, addressed{m, l})
		}
	}
	return batch
}

// alive drops the messages of links that have failed, and those of none: they are worth
// nothing when they are late.
func alive(batch []addressed) []addressed {
	var kept []addressed
	for _, m := range batch {
		if m.link == nil {
			continue
		}
		m.link.mu.Lock()
		if m.link.failed == nil {
			kept = append(kept, m)
		}
		m.link.mu.Unlock()
	}
	return kept
}

// pipeline sends a batch. After an error some of it may have been sent.
func (c *Control) pipeline(ctx context.Context, batch []addressed) error {
	node, err := c.route.node(ctx)
	if err != nil {
		return err
	}
	if len(batch) == 0 {
		return node.Ping(ctx).Err()
	}
	for len(batch) > 0 {
		n, size := 0, 0
		for n < len(batch) && n < pipelineSize && size < pipelineBytes {
			size += len(batch[n].payload)
			n++
		}
		pipe := node.Pipeline()
		for _, m := range batch[:n] {
			pipe.Publish(ctx, m.channel, m.payload)
		}
		cmds, err := pipe.Exec(ctx)
		if err != nil {
			return fmt.Errorf("publish %d messages: %w", n, err)
		}
		for i, cmd := range cmds {
			if count, ok := cmd.(interface{ Val() int64 }); ok && c.counts && count.Val() == 0 && batch[i].link != nil {
				batch[i].link.fail(engineio.ErrNoOwner) // nobody listens: the container has ended
			}
		}
		batch = batch[n:]
	}
	return nil
}

// onMessage takes what another container sent to this one.
func (c *Control) onMessage(channel, payload string) {
	h, frames, err := decodeHeader(payload)
	if err != nil {
		c.log.Warn("message of another container is malformed", "channel", channel, "error", err)
		return
	}
	l := c.find(h)
	switch {
	case l == nil && h.flags&flagUnknown == 0:
		c.disown(h)
	case l == nil:
	case h.flags&flagUnknown != 0:
		l.fail(errUnknown)
	default:
		if err := l.receive(h, frames); err != nil {
			l.fail(err)
			c.disown(h)
		}
	}
}

// find returns the link of a message. The first message of a link makes it.
func (c *Control) find(h header) *link {
	key := linkKey{id: h.link, mine: h.flags&flagDialler == 0}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[key]
	if l == nil && !key.mine && h.number == 1 && h.flags&flagUnknown == 0 && !c.closed {
		l = newLink(c, key, h.tag)
		c.links[key] = l
	}
	return l
}

// disown says to the other container that nothing of a link can go on.
func (c *Control) disown(h header) {
	answer := header{flags: flagUnknown | (^h.flags & flagDialler), link: h.link, tag: c.Tag()}
	c.tell(c.channel(h.tag), answer.append(nil))
}
