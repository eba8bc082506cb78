package cluster

import (
	"context"
	"time"
)

// Run keeps Redis in step with this container: changes at once, many in one round
// trip, leases every Renew, and all of it when Redis has lost it. It ends with ctx,
// after taking this container's players out. While Redis is away it reports local
// changes and tries again.
func (p *Presence) Run(ctx context.Context) {
	if p.client == nil {
		p.runAlone(ctx)
		return
	}
	renew, look := time.NewTicker(p.opts.Renew), time.NewTicker(p.opts.Look)
	defer renew.Stop()
	defer look.Stop()
	var retry backoff
	due := p.look // the first is at once
	for {
		err := due(ctx)
		if err == nil {
			err = p.write(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if retry.failures++; retry.failures == 1 {
				p.log.WarnContext(ctx, "presence is local only", "error", err)
			}
			p.tellLocally()
		case retry.failures > 0:
			p.log.InfoContext(ctx, "presence is whole again", "failures", retry.failures)
			retry.failures = 0
		}
		var again <-chan time.Time
		if retry.failures > 0 {
			again = time.After(retry.next())
		}
		if due = p.await(ctx, renew.C, look.C, again); due == nil {
			break
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.opts.Farewell)
	defer cancel()
	p.clear()
	if err := p.write(last); err != nil {
		p.log.WarnContext(ctx, "presence ends by its leases", "error", err)
		return
	}
	if err := p.depart(last); err != nil {
		p.log.WarnContext(ctx, "container ends by its lease", "error", err)
	}
}

// runAlone is Run without other containers.
func (p *Presence) runAlone(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			p.tellLocally()
		}
	}
}

// await returns when there is something to do, with what comes before the write; nil
// when ctx has ended. While again is set, Redis is away: changes are told here, and
// only again leads to a look, which says whether Redis is back.
func (p *Presence) await(ctx context.Context, renew, look, again <-chan time.Time) func(context.Context) error {
	nothing := func(context.Context) error { return nil }
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again:
			return p.look
		case <-renew:
			p.extend()
		case <-look:
			if again == nil {
				return p.look
			}
		case <-p.wake:
			if again == nil {
				return nothing
			}
			p.tellLocally()
		}
	}
}

// extend marks all rooms, so that their leases are renewed.
func (p *Presence) extend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = true
	p.signal()
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
	clear(p.sockets)
}

// tellLocally reports what changed on this container while Redis is away; it stays
// noted, and the whole room is told once Redis is back.
func (p *Presence) tellLocally() {
	var changes []Change
	p.mu.Lock()
	for room, players := range p.dirty {
		change := Change{Room: room, Members: len(p.rooms[room]), Sockets: p.sockets[room]}
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
	if p.client == nil {
		clear(p.dirty) // nobody else is to know
	}
	p.mu.Unlock()
	for _, change := range changes {
		p.opts.Changed(change)
	}
}
