package cluster

import (
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

const (
	ringBytes = 8 << 20 // that a container keeps of what went by
	ringEntry = 128     // bytes that an entry takes besides its message and that decoded
)

// ring holds the newest messages of a namespace without a hole, those for other
// containers' rooms too: from it players come back without a question to Redis.
type ring struct {
	after   uint64 // the number before the first
	entries []ringed
	bytes   int
	rooms   map[string][]uint64 // numbers by channel: of a room, or "" for all others
}

// ringed is one message.
type ringed struct {
	broadcast.Tail
	room    string // of its channel
	message string
	decoded *socketio.Broadcast // once somebody needed it
}

// restart forgets everything; the next entry is after+1.
func (r *ring) restart(after uint64) { *r = ring{after: after} }

// push adds the entry that follows the last one.
func (r *ring) push(e ringed) {
	if r.rooms == nil {
		r.rooms = map[string][]uint64{}
	}
	r.entries = append(r.entries, e)
	r.rooms[e.room] = append(r.rooms[e.room], e.Number)
	r.bytes += 2*len(e.message) + ringEntry
	for r.bytes > ringBytes && len(r.entries) > 1 {
		old := &r.entries[0]
		if numbers := r.rooms[old.room][1:]; len(numbers) > 0 {
			r.rooms[old.room] = numbers
		} else {
			delete(r.rooms, old.room)
		}
		r.bytes -= 2*len(old.message) + ringEntry
		r.after = old.Number
		*old = ringed{}
		r.entries = r.entries[1:]
	}
}

// covers says that everything after a number is here.
func (r *ring) covers(number uint64) bool { return number >= r.after }

// at returns the entry with a number, which must be here.
func (r *ring) at(number uint64) *ringed { return &r.entries[number-r.after-1] }
