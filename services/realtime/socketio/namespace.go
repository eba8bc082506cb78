package socketio

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Namespace is a group of sockets with handlers of its own. Its methods may be
// called concurrently.
type Namespace struct {
	name    string
	server  *Server
	bus     Bus
	ackID   atomic.Uint64
	numbers atomic.Uint64 // of the latest entry in any room

	// Guarded by Server.mu.
	dynamic *Dynamic      // whose namespace it is; nil for those of Server.Of
	users   int           // sockets, connecting and ending ones included
	gone    chan struct{} // not nil while it is being closed; closed at the end of that

	setup      sync.Mutex
	middleware []func(*Socket) error
	onConnect  []func(*Socket)
	serverSide serverSide

	mu       sync.RWMutex // membership; who holds it sees no socket come or go
	sockets  map[string]*Socket
	rooms    map[string]*room
	everyone *room
	closed   bool
	watcher  Watcher // nil when the bus is none

	journal Journal                  // nil where nothing can be recovered
	pushed  string                   // offset of the last broadcast of the journal in rooms
	before  string                   // position of the journal when that was put there
	leaving map[string]chan struct{} // by id: sockets whose OnDisconnect functions have not returned
}

func newNamespace(srv *Server, name string) *Namespace {
	ns := &Namespace{name: name, server: srv, bus: alone{}, sockets: make(map[string]*Socket), rooms: make(map[string]*room)}
	ns.everyone = &room{ns: ns}
	bus := ns.bus
	if srv.adapter != nil {
		opened, err := srv.adapter.Open(ns)
		if err != nil {
			srv.logger.Error("namespace works without other servers", "namespace", name, "error", err)
		} else {
			bus = opened
		}
	}
	ns.keep(bus)
	return ns
}

// alone is the bus of a server that has no others.
type alone struct{}

func (alone) Publish(Broadcast) error           { return nil }
func (alone) Close() error                      { return nil }
func (alone) Size(context.Context) (int, error) { return 1, nil }

// Name begins with "/".
func (ns *Namespace) Name() string { return ns.name }

// Size is the number of servers on which the namespace is open.
func (ns *Namespace) Size(ctx context.Context) (int, error) { return ns.bus.Size(ctx) }

// Use adds middleware. Every connecting client passes all of it, in the order
// in which it was added. An error refuses the client, which receives a
// *ConnectError as it is; of other errors it learns nothing, and they are
// logged.
func (ns *Namespace) Use(fn func(*Socket) error) {
	ns.setup.Lock()
	defer ns.setup.Unlock()
	ns.middleware = append(slices.Clip(ns.middleware), fn)
}

// OnConnect calls fn for every client that connects, before its first event.
func (ns *Namespace) OnConnect(fn func(*Socket)) {
	ns.setup.Lock()
	defer ns.setup.Unlock()
	ns.onConnect = append(slices.Clip(ns.onConnect), fn)
}

func (ns *Namespace) hooks() (middleware []func(*Socket) error, onConnect []func(*Socket)) {
	if d := ns.dynamic; d != nil {
		d.setup.Lock()
		defer d.setup.Unlock()
		return d.middleware, d.onConnect
	}
	ns.setup.Lock()
	defer ns.setup.Unlock()
	return ns.middleware, ns.onConnect
}

// Sockets returns the sockets of this process that are in a room; "" means all.
func (ns *Namespace) Sockets(room string) []*Socket {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if room == "" {
		return ns.everyone.sockets()
	}
	return ns.inRoom(room)
}

// inRoom needs ns.mu.
func (ns *Namespace) inRoom(name string) []*Socket {
	var sockets []*Socket
	if r := ns.rooms[name]; r != nil {
		sockets = r.sockets()
	}
	if s := ns.sockets[name]; s != nil && !slices.Contains(sockets, s) {
		sockets = append(sockets, s)
	}
	return sockets
}

// Len is the number of sockets of this process.
func (ns *Namespace) Len() int {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return len(ns.sockets)
}

// HasRoom reports whether a socket of this process is in the room.
func (ns *Namespace) HasRoom(room string) bool {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.has(room)
}

// has needs ns.mu.
func (ns *Namespace) has(room string) bool { return ns.rooms[room] != nil || ns.sockets[room] != nil }

// appears needs ns.mu. It notes that there is a room, or a socket of that name, by calling add.
func (ns *Namespace) appears(room string, add func()) {
	had := ns.has(room)
	if add(); ns.watcher != nil && !had {
		ns.watcher.Watch(room)
	}
}

// vanished needs ns.mu. It notes that a room is empty, or that a socket of that name is gone.
func (ns *Namespace) vanished(room string) {
	if ns.watcher != nil && !ns.has(room) {
		ns.watcher.Unwatch(room)
	}
}

// Rooms returns the rooms in which sockets of this process are, and their ids.
func (ns *Namespace) Rooms() []string {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	names := slices.Collect(maps.Keys(ns.rooms))
	if ns.journal == nil { // else every socket has a room of its own
		names = slices.AppendSeq(names, maps.Keys(ns.sockets))
	}
	return names
}

// add puts a new socket into the namespace. It needs s.mu.
func (ns *Namespace) add(s *Socket) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.appears(s.id, func() { ns.sockets[s.id] = s })
	s.members = append(s.members, ns.everyone.add(s, ns.numbers.Load()))
	if r := s.recovery; r != nil {
		if r.since == "" {
			r.since = ns.at()
			r.offset = r.since
		}
		ns.put(s, s.id)
	}
}

// enter puts a socket into rooms. It needs s.mu.
func (ns *Namespace) enter(s *Socket, rooms []string) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for _, name := range rooms {
		if s.recovery != nil && name != s.id {
			s.recovery.enter(name, ns.at())
		}
		ns.put(s, name)
	}
}

// put needs ns.mu and s.mu.
func (ns *Namespace) put(s *Socket, name string) {
	r := ns.rooms[name]
	if r == nil {
		r = &room{name: name, ns: ns}
		ns.appears(name, func() { ns.rooms[name] = r })
	}
	if !slices.ContainsFunc(s.members, func(m *member) bool { return m.room == r }) {
		s.members = append(s.members, r.add(s, ns.numbers.Load()))
	}
}

// exit takes a socket out of rooms, which it left at an offset. It needs s.mu.
func (ns *Namespace) exit(s *Socket, rooms []string, at string) {
	if s.recovery != nil {
		rooms = slices.DeleteFunc(slices.Clone(rooms), func(name string) bool { return name == s.id })
		s.recovery.exit(rooms, at)
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	s.members = slices.DeleteFunc(s.members, func(m *member) bool {
		gone := m.room != ns.everyone && slices.Contains(rooms, m.room.name)
		if gone {
			ns.drop(m)
		}
		return gone
	})
}

// remove takes a socket out of the namespace. It needs s.mu, and leaves
// s.members, from which Rooms is answered.
func (ns *Namespace) remove(s *Socket) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	delete(ns.sockets, s.id)
	ns.vanished(s.id)
	if s.recovery != nil {
		s.recovery.done = make(chan struct{})
		ns.leaving[s.id] = s.recovery.done
	}
	for _, m := range s.members {
		ns.drop(m)
	}
}

// drop needs ns.mu.
func (ns *Namespace) drop(m *member) {
	if m.room.drop(m) && m.room != ns.everyone {
		delete(ns.rooms, m.room.name)
		ns.vanished(m.room.name)
	}
}

// close makes the namespace drop what is emitted from now on. It returns false
// when it did so before.
func (ns *Namespace) close() (first bool) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	first = !ns.closed
	ns.closed = true
	return first
}
