package bench

import (
	"context"
	"fmt"
	"time"
)

// heard is how many distinct messages all members have received together.
func (c *crowd) heard() int64 {
	var n int64
	for _, m := range c.members {
		n += m.heard.Load()
	}
	return n
}

// due is how many messages all members have to receive together.
func (c *crowd) due() int64 {
	var n int64
	for i := range c.sent {
		n += c.sent[i].Load() * int64(len(c.members)/c.rooms)
	}
	return n
}

// drain waits until all members have heard everything. What is not there after the
// time is lost, and judge will say so.
func (c *crowd) drain(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for c.heard() < c.due() && time.Now().Before(deadline) {
		if err := c.cut(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return c.cut()
}

// cut is an error when a connection has ended.
func (c *crowd) cut() error {
	for i, m := range c.members {
		select {
		case <-m.socket.Done():
			return fmt.Errorf("member %d was cut: %w", i, m.socket.Err())
		default:
		}
	}
	return nil
}

// meet waits until servers that share a Redis hear each other, which takes them a
// moment after their start. Its messages do not count.
func (c *crowd) meet(ctx context.Context, nodes int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		met := true
		for _, p := range c.probes[0] {
			met = met && p.greeted.Load() == 1<<nodes-1
		}
		if met {
			return nil
		}
		for node := range nodes {
			if err := c.publishers[node].Send("publish", roomName(0), body(greeter, int64(node))); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the nodes do not hear each other: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// judge compares what was sent with what was heard, after the members have left.
func (c *crowd) judge() (lost, duplicated, unordered int64) {
	for _, m := range c.members {
		for from := range m.from {
			if !m.hears(from) {
				continue
			}
			t := &m.from[from]
			lost += c.sent[from].Load() - t.count.Load()
			duplicated += int64(t.duplicated)
			unordered += int64(t.unordered)
		}
	}
	return lost, duplicated, unordered + c.bad.Load()
}
