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
	writeTime   = 3 * time.Second // for one round trip
)

// call is one run of the script: part of one room.
type call struct {
	room    string
	sockets int
	whole   bool // all seats of the room are in the calls of this write
	present []occupant
	gone    []string
	parts   map[string]parting // of gone, to be put back when the call fails
	result  *redis.Cmd
}

type occupant struct {
	player, name string
	seat         *seat
}

// take empties the list of differences into calls. everything says that no room is
// left out.
func (p *Presence) take() (calls []*call, everything bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	everything = p.renew || p.due
	for room := range p.rooms {
		switch {
		case p.renew:
			p.touchAll(room)
		case p.due:
			p.touch(room)
		}
	}
	p.renew, p.due = false, false
	for room, players := range p.dirty {
		c := &call{room: room, sockets: p.sockets[room], parts: map[string]parting{}}
		part := []*call{c}
		present := 0
		for player, last := range players {
			if len(c.present)+len(c.gone) == callSize {
				c = &call{room: room, sockets: c.sockets, parts: map[string]parting{}}
				part = append(part, c)
			}
			if s := p.rooms[room][player]; s != nil {
				c.present = append(c.present, occupant{player, s.name, s})
				present++
			} else {
				c.gone = append(c.gone, player)
				c.parts[player] = last
			}
		}
		for _, c := range part {
			c.whole = present == len(p.rooms[room])
		}
		calls = append(calls, part...)
	}
	clear(p.dirty)
	return calls, everything
}

// write brings Redis up to date and reports what that changed. What could not be
// written is noted for the next time.
func (p *Presence) write(ctx context.Context) error {
	p.mu.Lock()
	// Others may have removed what was not renewed for a lease, and said so.
	swept := !p.renewed.IsZero() && time.Since(p.renewed) >= p.opts.Lease
	p.renew = p.renew || swept
	// After an outage the others may be about to renew theirs: leave them the time.
	sweep := !swept && !p.away
	p.mu.Unlock()
	calls, everything := p.take()
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
		args := make([]any, 0, 5+2*len(c.present)+len(c.gone))
		args = append(args, p.opts.Container, p.opts.Lease.Milliseconds(), sweep, c.sockets, len(c.present))
		for _, o := range c.present {
			args = append(args, o.player, o.name)
		}
		for _, player := range c.gone {
			args = append(args, player)
		}
		c.result = syncRoom.EvalSha(ctx, pipe, []string{p.key(c.room)}, args...)
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
	a, ok := c.answer()
	if !ok {
		p.touch(c.room)
		for _, o := range c.present {
			p.putBack(c.room, o.player, parting{})
		}
		for player, last := range c.parts {
			p.putBack(c.room, player, last)
		}
		return Change{}, false
	}
	if !a.known && !c.whole {
		p.touchAll(c.room) // Redis had lost the room
	}
	change := Change{Room: c.room, Members: a.players, Sockets: a.sockets, Left: a.left}
	for _, o := range c.present {
		if a.joined[o.player] && (!o.seat.told || swept) {
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

// reply is what the script says.
type reply struct {
	players, sockets int
	joined           map[string]bool
	left             []Member
	known            bool
}

func (c *call) answer() (r reply, ok bool) {
	if c.result == nil {
		return r, false
	}
	parts, err := c.result.Slice()
	if err != nil || len(parts) != 5 {
		return r, false
	}
	r.players, r.sockets, r.known = number(parts[0]), number(parts[3]), number(parts[4]) == 1
	r.joined = map[string]bool{}
	for _, player := range texts(parts[1]) {
		r.joined[player] = true
	}
	for pair := texts(parts[2]); len(pair) > 1; pair = pair[2:] {
		r.left = append(r.left, Member{ID: pair[0], Name: pair[1]})
	}
	return r, true
}

func number(part any) int {
	n, _ := part.(int64)
	return int(n)
}

func texts(part any) []string {
	list, _ := part.([]any)
	out := make([]string, 0, len(list))
	for _, one := range list {
		s, _ := one.(string)
		out = append(out, s)
	}
	return out
}
