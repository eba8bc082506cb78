package socketio

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

const (
	// linger is how long the first broadcast to a big room waits for others.
	linger = time.Millisecond
	// bigRoom is how many members make lingering worth it: there the writes take
	// longer than the wait.
	bigRoom = 100
	// maxBuffer is how many bytes a room holds before broadcasts wait for its
	// goroutine. It stays below what a session queues for a slow client, so that
	// a burst alone cuts nobody.
	maxBuffer = 256 << 10
)

// room buffers what is emitted to its members.
type room struct {
	name string
	ns   *Namespace

	// newest and oldest are the numbers of the last entry there was and of the
	// first in the queue; oldest means nothing while the queue is empty.
	newest, oldest atomic.Uint64

	mu      sync.Mutex
	members []*member
	queue   []entry // in order of numbers; the head is being written while flushing
	bytes   int     // of queue
	busy    bool    // a goroutine flushes
	space   chan struct{}
}

// entry is one broadcast in a room.
type entry struct {
	number   uint64
	frame    *engineio.Frame
	offset   string // where it is in the journal, or what was there before it
	volatile bool
	skip     map[*Socket]struct{} // members that do not receive it
}

// member is a socket in a room.
type member struct {
	socket *Socket
	room   *room
	at     int    // index in room.members; guarded by room.mu
	served uint64 // entries up to this number were sent, or are not for it; guarded by Socket.mu
}

// add puts a socket into the room; entries up to the number served are from
// before its time.
func (r *room) add(s *Socket, served uint64) *member {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &member{socket: s, room: r, at: len(r.members), served: served}
	r.members = append(r.members, m)
	return m
}

// drop takes a member out and reports whether the room is empty now. It needs
// the Socket.mu of the member, so that the room's goroutine passes it over.
func (r *room) drop(m *member) (empty bool) {
	m.served = math.MaxUint64
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.members) - 1
	r.members[m.at] = r.members[last]
	r.members[m.at].at = m.at
	r.members[last] = nil
	r.members = r.members[:last]
	return last == 0
}

// full returns a channel that is closed when the room has taken a breath, or
// nil when it has room for an entry now.
func (r *room) full() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bytes < maxBuffer {
		return nil
	}
	if r.space == nil {
		r.space = make(chan struct{})
	}
	return r.space
}

// push appends an entry and numbers it. It needs Namespace.mu, exclusively when
// several rooms get the same entry.
func (r *room) push(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.members) == 0 {
		return
	}
	e.number = r.ns.numbers.Add(1)
	if len(r.queue) == 0 {
		r.oldest.Store(e.number)
	}
	r.queue = append(r.queue, e)
	r.bytes += e.frame.Size()
	r.newest.Store(e.number)
	if !r.busy {
		r.busy = true
		r.ns.server.flushers.Go(r.flush) // ends when the queue is empty
	}
}

// between appends the entries behind one number and up to another to dst, and
// returns the number of the last. Only what the room's goroutine has not
// finished with is there, which is all that a member can be missing.
func (r *room) between(served, limit uint64, dst []entry) ([]entry, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.queue {
		if served < e.number && e.number <= limit {
			dst = append(dst, e)
			served = e.number
		}
	}
	return dst, served
}

// sockets returns the members.
func (r *room) sockets() []*Socket {
	r.mu.Lock()
	defer r.mu.Unlock()
	sockets := make([]*Socket, len(r.members))
	for i, m := range r.members {
		sockets[i] = m.socket
	}
	return sockets
}
