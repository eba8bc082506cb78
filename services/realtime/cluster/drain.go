package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// maxOver bounds the time of a drain message.
const maxOver = time.Hour

// Drain asks the containers of all revisions but one to close their sockets evenly over
// a time, so that the clients connect anew, and to take no new ones. A container of the
// revision that is kept takes clients again if it did not: so a drain is undone by
// keeping the other revision.
type Drain struct {
	Keep string
	Over time.Duration // at most an hour
}

// drainMessage is what is published to the channel of all containers, "socket.io-control#":
//
//	{"drain":{"keep":"<revision>","over":"60s"}}
type drainMessage struct {
	Drain *struct {
		Keep string `json:"keep"`
		Over string `json:"over"`
	} `json:"drain"`
}

// Drain sends a drain message to all containers, this one included, and returns how
// many listened; on a Redis Cluster it knows only those of one node.
func (c *Control) Drain(ctx context.Context, d Drain) (containers int, err error) {
	var m drainMessage
	m.Drain = &struct {
		Keep string `json:"keep"`
		Over string `json:"over"`
	}{d.Keep, d.Over.String()}
	body, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode drain: %w", err)
	}
	n, err := c.client.Publish(ctx, c.channel(""), body).Result()
	if err != nil {
		return 0, fmt.Errorf("publish drain: %w", err)
	}
	return int(n), nil
}

// decodeDrain reads a message to all. ok is false when it is another one, of which later
// versions may have some.
func decodeDrain(payload string) (d Drain, ok bool, err error) {
	var m drainMessage
	if err := json.Unmarshal([]byte(payload), &m); err != nil {
		return d, false, fmt.Errorf("%w: %w", errMessage, err)
	}
	if m.Drain == nil {
		return d, false, nil
	}
	d.Keep = m.Drain.Keep
	if d.Over, err = time.ParseDuration(m.Drain.Over); err != nil {
		return d, false, fmt.Errorf("%w: over: %w", errMessage, err)
	}
	if d.Keep == "" || d.Over < 0 || d.Over > maxOver {
		return d, false, fmt.Errorf("%w: keep %q, over %s", errMessage, d.Keep, d.Over)
	}
	return d, true, nil
}

// onShared takes what was said to all containers.
func (c *Control) onShared(channel, payload string) {
	d, ok, err := decodeDrain(payload)
	if err != nil {
		c.log.Warn("message to all containers is malformed", "channel", channel, "error", err)
		return
	}
	if ok {
		c.opts.OnDrain(d)
	}
}
