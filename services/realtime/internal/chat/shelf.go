package chat

import (
	"slices"
	"sync"
	"time"
)

// What one container keeps in memory, whatever players do.
const (
	maxRooms = 1000
	maxKeys  = 500 // of messages, per room
)

// shelf is the board of one container: what was said here.
type shelf struct {
	keep int
	last time.Duration

	mu    sync.Mutex
	rooms map[string]*room
}

// room keeps its messages oldest first, and the keys in the order in which they came.
type room struct {
	messages []Message
	keys     map[name]kept
	order    []name
	used     time.Time
}

// name is a player's own name for a message.
type name struct{ player, key string }

type kept struct {
	message Message
	stored  bool // in Redis, too
}

func newShelf(keep int, last time.Duration) *shelf {
	return &shelf{keep: keep, last: last, rooms: map[string]*room{}}
}

// find returns the message that a player posted under a key.
func (s *shelf) find(in, player, key string) (kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[in]
	if r == nil || key == "" {
		return kept{}, false
	}
	found, ok := r.keys[name{player, key}]
	return found, ok
}

// add keeps a message, unless there is one of its key: then ok is false.
func (s *shelf) add(m Message, key string, stored bool) (first kept, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(m.Room, time.Now())
	if key != "" {
		called := name{m.From.ID, key}
		if first, known := r.keys[called]; known {
			return first, false
		}
		r.keys[called] = kept{m, stored}
		if r.order = append(r.order, called); len(r.order) > maxKeys {
			delete(r.keys, r.order[0])
			r.order = slices.Delete(r.order, 0, 1)
		}
	}
	if r.messages = append(r.messages, m); len(r.messages) > s.keep {
		r.messages = slices.Delete(r.messages, 0, 1)
	}
	return kept{}, true
}

func (s *shelf) list(in string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[in]
	if r == nil || time.Since(r.used) > s.last {
		return []Message{}
	}
	return slices.Clone(r.messages)
}

// room returns a room that is written to; the one that was quiet for longest makes
// place for it. s.mu is held.
func (s *shelf) room(called string, now time.Time) *room {
	r := s.rooms[called]
	if r != nil && now.Sub(r.used) > s.last {
		r = nil
	}
	if r == nil {
		if len(s.rooms) >= maxRooms {
			s.drop()
		}
		r = &room{keys: map[name]kept{}}
		s.rooms[called] = r
	}
	r.used = now
	return r
}

func (s *shelf) drop() {
	var oldest string
	for called, r := range s.rooms {
		if oldest == "" || r.used.Before(s.rooms[oldest].used) {
			oldest = called
		}
	}
	delete(s.rooms, oldest)
}
