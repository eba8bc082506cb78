package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	callSize    = 500             // players per script call
	callsAtOnce = 50              // script calls per round trip
	farewell    = time.Second     // for the last write
	writeTime   = 3 * time.Second // for one round trip
)

// Run keeps Redis in step with this container: changes at once, many in one round
// trip, and everything every Renew. It ends with ctx, after taking this container's
// players out. While Redis is away it reports local changes and tries again.
func (p *Presence) Run(ctx context.Context) {
	renew := time.NewTicker(p.opts.Renew)
	defer renew.Stop()
	var retry backoff
	for {
		var again <-chan time.Time
		if retry.failures > 0 {
			again = time.After(retry.next())
		}
		if !p.await(ctx, renew.C, again) {
			break
		}
		if err := p.write(ctx); ctx.Err() != nil {
			break
		} else if err != nil {
			if retry.failures++; retry.failures == 1 {
				p.log.WarnContext(ctx, "presence is local only", "error", err)
			}
			p.tellLocally()
			continue
		}
		if retry.failures > 0 {
			p.log.InfoContext(ctx, "presence is whole again", "failures", retry.failures)
		}
		retry.failures = 0
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	p.clear()
	if err := p.write(last); err != nil {
		p.log.WarnContext(ctx, "presence ends by its leases", "error", err)
	}
}

// await returns when there is something to write, and false when ctx has ended. While
// again is set, Redis is away: changes are told here, and only again leads to a write.
func (p *Presence) await(ctx context.Context, renew, again <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-again:
			return true
		case <-renew:
			p.Refresh()
		case <-p.wake:
			if again == nil {
				return true
			}
			p.tellLocally()
		}
	}
}

// clear takes away all seats.
func (p *Presence) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for room, seats := range p.rooms {
		for player, s := range seats {
			put(p.dirty, room, player, parting{name: s.name, known: true})
		}
	}
	clear(p.rooms)
}

// call is one run of the script: part of one room.
type call struct {
	room    string
	present []occupant
	gone    []string
	parts   map[string]parting // of gone, to be put back when the call fails
	result  *redis.Cmd
}

type occupant struct {
	player, name string
	seat         *seat
}

// take empties the list of differences into calls.
func (p *Presence) take() (calls []*call, everything bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	everything, p.renew = p.renew, false
	if everything {
		for room, seats := range p.rooms {
			for player := range seats {
				put(p.dirty, room, player, parting{})
			}
		}
	}
	for room, players := range p.dirty {
		c := &call{room: room, parts: map[string]parting{}}
		for player, last := range players {
			if len(c.present)+len(c.gone) == callSize {
				calls = append(calls, c)
				c = &call{room: room, parts: map[string]parting{}}
			}
			if s := p.rooms[room][player]; s != nil {
				c.present = append(c.present, occupant{player, s.name, s})
			} else {
				c.gone = append(c.gone, player)
				c.parts[player] = last
			}
		}
		calls = append(calls, c)
	}
	clear(p.dirty)
	return calls, everything
}

// write brings Redis up to date and reports what that changed. What could not be
// written is noted for the next time.
func (p *Presence) write(ctx context.Context) error {
	calls, everything := p.take()
	p.mu.Lock()
	// Others may have removed what was not renewed for a lease, and said so.
	swept := !p.renewed.IsZero() && time.Since(p.renewed) >= p.opts.Lease
	// After an outage the others may be about to renew theirs: leave them the time.
	sweep := !swept && !p.away
	p.mu.Unlock()
	var failed error
	for start := 0; start < len(calls); start += callsAtOnce {
		part := calls[start:min(start+callsAtOnce, len(calls))]
		if failed == nil {
			failed = p.run(ctx, part, sweep)
		}
		for _, c := range part {
			if change, ok := p.settle(c, swept); ok {
				p.opts.Changed(change)
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = failed != nil
	switch {
	case failed != nil:
		p.renew = true
	case everything || p.renewed.IsZero():
		p.renewed = time.Now()
	}
	return failed
}

// run sends calls in one round trip. A restarted Redis has forgotten the script, and
// the calls that met that are sent a second time: they had no effect.
func (p *Presence) run(ctx context.Context, calls []*call, sweep bool) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	err := p.pipeline(ctx, calls, sweep)
	if err == nil || !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return err
	}
	if err := syncRoom.Load(ctx, p.client).Err(); err != nil {
		return fmt.Errorf("load the presence script: %w", err)
	}
	var unknown []*call
	for _, c := range calls {
		if err := c.result.Err(); err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
			unknown = append(unknown, c)
		}
	}
	return p.pipeline(ctx, unknown, sweep)
}

// pipeline returns the first error of the calls; each has its own in its result.
func (p *Presence) pipeline(ctx context.Context, calls []*call, sweep bool) error {
	pipe := p.client.Pipeline()
	for _, c := range calls {
		args := make([]any, 0, 4+2*len(c.present)+len(c.gone))
		args = append(args, p.opts.Container, p.opts.Lease.Milliseconds(), sweep, len(c.present))
		for _, o := range c.present {
			args = append(args, o.player, o.name)
		}
		for _, player := range c.gone {
			args = append(args, player)
		}
		c.result = syncRoom.EvalSha(ctx, pipe, p.keys(c.room), args...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("write presence: %w", err)
	}
	return nil
}

// settle notes what Redis said to one call, and returns what the room is to hear.
func (p *Presence) settle(c *call, swept bool) (Change, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count, joined, left, ok := c.answer()
	if !ok {
		for _, o := range c.present {
			p.putBack(c.room, o.player, parting{})
		}
		for player, last := range c.parts {
			p.putBack(c.room, player, last)
		}
		return Change{}, false
	}
	change := Change{Room: c.room, Members: count, Left: left}
	for _, o := range c.present {
		if joined[o.player] && (!o.seat.told || swept) {
			change.Joined = append(change.Joined, Member{ID: o.player, Name: o.name})
		}
		o.seat.told = true
	}
	return change, len(change.Joined)+len(change.Left) > 0
}

// putBack notes a difference again unless a later one was noted. p.mu is held.
func (p *Presence) putBack(room, player string, last parting) {
	if _, later := p.dirty[room][player]; !later {
		put(p.dirty, room, player, last)
	}
}

// answer reads the three parts of the script's reply.
func (c *call) answer() (count int, joined map[string]bool, left []Member, ok bool) {
	if c.result == nil {
		return 0, nil, nil, false
	}
	reply, err := c.result.Slice()
	if err != nil || len(reply) != 3 {
		return 0, nil, nil, false
	}
	number, _ := reply[0].(int64)
	joined = map[string]bool{}
	for _, player := range texts(reply[1]) {
		joined[player] = true
	}
	for pair := texts(reply[2]); len(pair) > 1; pair = pair[2:] {
		left = append(left, Member{ID: pair[0], Name: pair[1]})
	}
	return int(number), joined, left, true
}

func texts(reply any) []string {
	list, _ := reply.([]any)
	out := make([]string, 0, len(list))
	for _, one := range list {
		s, _ := one.(string)
		out = append(out, s)
	}
	return out
}

// tellLocally reports what changed on this container while Redis is away; it stays
// noted, and the whole room is told once Redis is back.
func (p *Presence) tellLocally() {
	var changes []Change
	p.mu.Lock()
	for room, players := range p.dirty {
		change := Change{Room: room, Members: len(p.rooms[room])}
		for player, last := range players {
			switch s := p.rooms[room][player]; {
			case s != nil && !s.told && !s.heard:
				s.heard = true
				change.Joined = append(change.Joined, Member{ID: player, Name: s.name})
			case s == nil && last.known:
				players[player] = parting{name: last.name}
				change.Left = append(change.Left, Member{ID: player, Name: last.name})
			}
		}
		if len(change.Joined)+len(change.Left) > 0 {
			changes = append(changes, change)
		}
	}
	p.mu.Unlock()
	for _, change := range changes {
		p.opts.Changed(change)
	}
}
