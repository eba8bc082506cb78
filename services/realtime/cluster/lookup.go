package cluster

import (
	"context"
	"maps"
	"time"
)

// lookupTime bounds one read of a room's members; it outlives the one who asked first.
const lookupTime = 2 * time.Second

// lookups serves all who ask for one room's members with few reads: who asks while a
// read is under way shares the next one, which starts after the question, so nobody is
// handed an answer from before it. A thousand players who come back at once cost Redis
// a handful of reads instead of a thousand.
type lookups struct {
	running, next *lookup
}

type lookup struct {
	done  chan struct{} // closed when found and err are set
	found crowd
	err   error
}

// lookup returns what Redis knows of a room; the map is the caller's own. Whoever
// reads for others does so to the end, also when their own ctx ends before: twice
// lookupTime at most.
func (p *Presence) lookup(ctx context.Context, room string) (crowd, error) {
	nobody := crowd{names: map[string]string{}}
	if err := ctx.Err(); err != nil {
		return nobody, err
	}
	if p.client == nil {
		return nobody, nil
	}
	p.mu.Lock()
	if p.away {
		p.mu.Unlock()
		return nobody, ErrAlone
	}
	l := p.lookups[room]
	if l == nil {
		l = &lookups{}
		p.lookups[room] = l
	}
	mine, before := l.next, l.running
	leads := mine == nil
	if leads {
		mine = &lookup{done: make(chan struct{})}
		l.next = mine
	}
	p.mu.Unlock()

	if leads {
		if before != nil {
			<-before.done
		}
		p.lead(context.WithoutCancel(ctx), room, l, mine)
	}
	select {
	case <-mine.done:
		if mine.err != nil {
			return nobody, mine.err
		}
		return crowd{names: maps.Clone(mine.found.names), sockets: mine.found.sockets}, nil
	case <-ctx.Done():
		return nobody, ctx.Err()
	}
}

// lead reads for all who share mine.
func (p *Presence) lead(ctx context.Context, room string, l *lookups, mine *lookup) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	p.mu.Lock()
	l.running, l.next = mine, nil
	p.mu.Unlock()

	mine.found, mine.err = p.read(ctx, room)

	p.mu.Lock()
	l.running = nil
	if l.next == nil {
		delete(p.lookups, room)
	}
	p.mu.Unlock()
	close(mine.done)
}
