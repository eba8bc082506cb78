package cluster

import (
	"context"
	"time"
)

// strays is how many looks in a row must see the slot of a channel that is heard at
// another node before it is asked for there: one node may be behind the others.
const strays = 3

// look finds the channels whose slot is at another node without a word of their own: that
// node is cut off from the cluster, and silent, or has left it. It ends idle lanes.
func (s *shards) look(ctx context.Context) {
	for channel, client := range s.owners(ctx, func(c *shard) bool { return c.lane != nil }) {
		if client == nil {
			continue
		}
		address := addressOf(client)
		s.mu.Lock()
		if c := s.channels[channel]; c != nil && c.lane != nil {
			if c.astray++; c.lane.address == address {
				c.astray = 0
			}
			if c.astray == strays || c.astray > 0 && !c.heard {
				c.lane.ask(channel, false)
				s.lose(channel, c, "its slot is at another node")
			}
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for address, n := range s.hosts {
		switch {
		case n.lane == nil && time.Since(n.until) > time.Minute:
			delete(s.hosts, address)
		case n.lane != nil && n.lane.channels == 0:
			n.lane.end(errIdle)
			n.lane = nil
		}
	}
}

// attach asks for a channel on a lane. s.mu is held, as by all that follow.
func (s *shards) attach(channel string, c *shard, l *lane) {
	c.lane, c.heard, c.astray = l, false, 0
	l.channels++
	if c.lost.Reason != "" {
		l.lost++
	}
	l.ask(channel, true)
}

// detach takes a channel off its lane.
func (s *shards) detach(channel string, c *shard) {
	l := c.lane
	c.lane, c.heard = nil, false
	l.channels--
	if c.lost.Reason != "" {
		l.lost--
	}
	delete(l.asked, channel)
}

// lose takes a channel off its lane, to be asked for anew. Unless it was never heard,
// messages may be missing from now on.
func (s *shards) lose(channel string, c *shard, reason string) {
	heard, since := c.heard, c.lane.lastHeard()
	s.detach(channel, c)
	if heard {
		c.lost = Gap{Since: since, Reason: reason}
		s.away++
		s.settle()
	}
	s.signal()
}

// confirm notes that a lane's node sends a channel's messages, and returns who is told
// of that, and the gap that ends with it: that of all channels that were lost and asked
// for on the same lane.
func (s *shards) confirm(l *lane, channel string) (told func(), gap Gap) {
	c := s.channels[channel]
	if c == nil || c.lane != l || c.heard {
		return nil, Gap{}
	}
	c.heard = true
	delete(l.asked, channel)
	if n := s.hosts[l.address]; n != nil {
		n.pause.failures = 0
	}
	if c.lost.Reason != "" {
		if l.gap.Reason == "" {
			l.gap = c.lost
		} else if c.lost.Since.Before(l.gap.Since) {
			l.gap.Since = c.lost.Since
		}
		c.lost = Gap{}
		l.lost--
		s.away--
	}
	s.settle()
	return s.confirms[channel], s.ended(l)
}

// ended returns the gap of a lane on which nothing is lost any more.
func (s *shards) ended(l *lane) (gap Gap) {
	if l.lost > 0 || l.gap.Reason == "" {
		return Gap{}
	}
	gap, l.gap = l.gap, Gap{}
	gap.Until = time.Now()
	s.gaps++
	s.last = gap
	return gap
}

// settle brings whole up to date.
func (s *shards) settle() {
	whole := s.away == 0
	if whole && !s.whole {
		for _, c := range s.channels {
			whole = whole && c.heard
		}
	}
	if whole != s.whole {
		s.whole, s.since = whole, time.Now()
	}
}
