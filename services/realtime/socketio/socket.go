package socketio

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"sync"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// Reason says why a socket was disconnected: one of engineio's reasons, when
// the session ended, or one of those here.
type Reason = engineio.Reason

// The reasons of a socket whose session goes on.
const (
	ServerNamespaceDisconnect Reason = "server namespace disconnect" // Socket.Disconnect
	ClientNamespaceDisconnect Reason = "client namespace disconnect" // the client left
)

// Socket is one client in one namespace. Its methods may be called from any
// goroutine, from handlers too.
type Socket struct {
	id       string // changed with hooks and mu, while connecting
	ns       *Namespace
	client   *client
	auth     json.RawMessage
	inbox    inbox
	acks     acks
	admitted bool // guarded by client.mu: packets of the client are let through

	mu      sync.Mutex // held while writing: it makes the order of what the client receives
	phase   phase
	left    bool      // the client has, and receives nothing more
	early   []string  // rooms joined while connecting
	members []*member // of the namespace, then of rooms; kept when the socket ends; changed with Namespace.mu, too

	recovery *recovery // what it points to changes, nil where nothing can be recovered

	hooks     sync.Mutex
	handlers  []handler
	any       []func(string, Args, Ack)
	ended     []func(Reason)
	data      any
	recovered bool
}

// phase is where a socket is in its life.
type phase byte

const (
	connecting phase = iota // in middleware
	open
	closed
)

type handler struct {
	event string
	call  func(Args, Ack)
}

func newSocket(ns *Namespace, c *client, auth json.RawMessage) *Socket {
	if len(auth) == 0 {
		auth = json.RawMessage("{}")
	}
	s := &Socket{id: newID(), ns: ns, client: c, auth: auth}
	if ns.journal != nil {
		s.recovery = &recovery{pid: newID()}
		s.recovery.claim, s.auth = newClaim(auth)
	}
	return s
}

// idLength is the length by which servers of a cluster tell ids of sockets from
// names of rooms.
const idLength = 20

// newID returns idLength characters that nobody can guess.
func newID() string {
	var b [idLength * 3 / 4]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ID names the socket to everybody. It is also a room with only this socket. A
// socket that is recovered gets its former id between middleware and OnConnect.
func (s *Socket) ID() string {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	return s.id
}

// Namespace is where the socket is.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Auth is the JSON object that the client sent to connect; {} when it sent
// none. It may hold secrets.
func (s *Socket) Auth() json.RawMessage { return s.auth }

// Handshake is what is kept of the request that opened the session.
func (s *Socket) Handshake() *engineio.Handshake { return s.client.handshake }

// Data returns what SetData stored last, nil at first.
func (s *Socket) Data() any {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	return s.data
}

// SetData keeps a value with the socket.
func (s *Socket) SetData(data any) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	s.data = data
}

// On calls fn for every event of that name. Several functions for one event are
// called in the order in which they were added.
func (s *Socket) On(event string, fn func(args Args, ack Ack)) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	s.handlers = append(s.handlers, handler{event, fn})
}

// OnAny calls fn for every event, before those of On.
func (s *Socket) OnAny(fn func(event string, args Args, ack Ack)) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	s.any = append(slices.Clip(s.any), fn)
}

// OnDisconnect calls fn once, when the socket is out of its rooms and all its
// events are handled. Rooms still returns the rooms that it was in.
func (s *Socket) OnDisconnect(fn func(reason Reason)) {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	s.ended = append(s.ended, fn)
}

// Join puts the socket into rooms. What is emitted to them from now on reaches
// it. After the socket was disconnected Join does nothing.
func (s *Socket) Join(rooms ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case connecting:
		s.early = append(s.early, rooms...)
	case open:
		s.ns.enter(s, rooms)
		s.save()
	}
}

// Leave takes the socket out of rooms. It still receives what was emitted to
// them before.
func (s *Socket) Leave(rooms ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case connecting:
		s.early = slices.DeleteFunc(s.early, func(room string) bool { return slices.Contains(rooms, room) })
	case open:
		at := s.ns.position() // all up to here is written, or under way, before it leaves
		s.write(nil)
		s.ns.exit(s, rooms, at)
		s.save()
	}
}

// Rooms returns the rooms that the socket is in, the one named by its id
// first. While it connects it is in none.
func (s *Socket) Rooms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) == 0 {
		return nil
	}
	rooms := []string{s.id}
	for _, m := range s.members[1:] {
		if s.recovery == nil || m.room.name != s.id {
			rooms = append(rooms, m.room.name)
		}
	}
	return rooms
}

// Connected reports whether the socket is in its namespace.
func (s *Socket) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == open
}

// Disconnect takes the socket out of its namespace and tells the client, which
// does not come back by itself. Events that are not handled yet are dropped.
// With closeSession the client is taken out of all its namespaces, and the
// session ends. Middleware refuses a client by its error instead.
func (s *Socket) Disconnect(closeSession bool) {
	if closeSession {
		s.client.disconnect()
		return
	}
	p := Packet{Type: DisconnectPacket, Namespace: s.ns.name}
	if f, err := s.ns.server.frame(&p, ""); err == nil { // it has no data to be refused for
		s.end(ServerNamespaceDisconnect, f)
	}
}
