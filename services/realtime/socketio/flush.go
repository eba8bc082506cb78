package socketio

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// batch is what the goroutine of a room writes to every member as one piece.
type batch struct {
	entries     []entry
	first, last uint64
	offset      string // of the last entry
	frame       *engineio.Frame
	volatile    bool                 // some entry is
	skip        map[*Socket]struct{} // of all entries
}

func newBatch(entries []entry) batch {
	last := &entries[len(entries)-1]
	b := batch{entries: entries, first: entries[0].number, last: last.number, offset: last.offset}
	frames := make([]*engineio.Frame, len(entries))
	for i, e := range entries {
		frames[i] = e.frame
		b.volatile = b.volatile || e.volatile
		switch {
		case len(e.skip) == 0:
		case b.skip == nil && len(entries) == 1:
			b.skip = e.skip
		default:
			if b.skip == nil {
				b.skip = make(map[*Socket]struct{})
			}
			for s := range e.skip {
				b.skip[s] = struct{}{}
			}
		}
	}
	b.frame = engineio.Join(frames...)
	return b
}

// suits reports whether a socket receives all of the batch.
func (b *batch) suits(s *Socket) bool {
	if b.skip != nil {
		if _, skipped := b.skip[s]; skipped {
			return false
		}
	}
	return !b.volatile || s.client.conn.Writable()
}

// memberLists holds the *[]*member of rooms' goroutines, which are short-lived.
var memberLists = sync.Pool{New: func() any { return new([]*member) }}

// flush is the goroutine of a room.
func (r *room) flush() {
	list := memberLists.Get().(*[]*member)
	defer memberLists.Put(list)
	for more := true; more; {
		r.wait()
		var entries []entry
		entries, *list = r.begin((*list)[:0])
		b := newBatch(entries)
		for _, m := range *list {
			m.serve(&b)
		}
		clear(*list) // it must not keep sockets alive
		more = r.finish(len(entries))
	}
}

// wait lingers in big rooms.
func (r *room) wait() {
	r.mu.Lock()
	big := len(r.members) >= bigRoom
	r.mu.Unlock()
	if big {
		time.Sleep(linger)
	}
}

// begin returns all that is queued and appends the members to list. The entries
// stay in the queue for those who write to a member out of turn.
func (r *room) begin(list []*member) ([]entry, []*member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue[:len(r.queue):len(r.queue)], append(list, r.members...)
}

// finish drops the first n entries and reports whether there are more.
func (r *room) finish(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.queue[:n] {
		r.bytes -= e.frame.Size()
	}
	if r.space != nil {
		close(r.space)
		r.space = nil
	}
	if len(r.queue) == n {
		clear(r.queue)
		r.queue = r.queue[:0]
		if cap(r.queue) > maxIdleQueue {
			r.queue = nil
		}
		r.busy = false
		return false
	}
	r.queue = slices.Clone(r.queue[n:])
	r.oldest.Store(r.queue[0].number)
	return true
}

// maxIdleQueue is how many entries an idle room keeps room for.
const maxIdleQueue = 16

// serve writes the batch to a member. When the batch does not suit the member
// as a whole, or other rooms hold something older for it, the member is served
// by itself.
func (m *member) serve(b *batch) {
	s := m.socket
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case m.served >= b.last: // served out of turn, or left
	case m.served >= b.first || s.behind(m, b.last) || !b.suits(s):
		s.write(nil)
	default:
		m.served = b.last
		if s.recovery != nil {
			s.recovery.offset = b.offset
		}
		s.give(b.frame)
	}
}

// behind needs s.mu. It reports whether a room other than that of m holds an
// entry up to the number for the socket.
func (s *Socket) behind(m *member, number uint64) bool {
	for _, other := range s.members {
		r := other.room
		if other != m && other.served < r.newest.Load() && r.oldest.Load() <= number {
			return true
		}
	}
	return false
}

// due needs s.mu. It returns what the rooms hold for the socket, in order, and
// counts it as served. The limit is there because the rooms are looked at one
// after another: what is emitted meanwhile must not be found in a later room
// when something older was not yet in an earlier one.
func (s *Socket) due() []*engineio.Frame {
	var entries []entry
	limit, rooms := s.ns.numbers.Load(), 0
	for _, m := range s.members {
		if m.served < m.room.newest.Load() {
			entries, m.served = m.room.between(m.served, limit, entries)
			rooms++
		}
	}
	if rooms > 1 {
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	}
	if s.recovery != nil && len(entries) > 0 {
		s.recovery.offset = entries[len(entries)-1].offset
	}
	var frames []*engineio.Frame
	for _, e := range entries {
		if _, skipped := e.skip[s]; !skipped && (!e.volatile || s.client.conn.Writable()) {
			frames = append(frames, e.frame)
		}
	}
	return frames
}
