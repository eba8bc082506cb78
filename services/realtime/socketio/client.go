package socketio

import (
	"slices"
	"sync"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// maxSockets is how many sockets one session may have, those included that left
// and whose handlers still run: a client that comes and goes must not start more
// goroutines than it can have namespaces.
const maxSockets = 100

// conn is what a client needs of an engineio.Session.
type conn interface {
	Send(*engineio.Frame) bool
	Writable() bool
	Close(engineio.Reason)
}

// client is one session with its sockets, one per namespace. It is the
// session's engineio.Handler.
type client struct {
	server    *Server
	conn      conn
	handshake *engineio.Handshake
	decoder   Decoder // the session's goroutine's alone

	mu      sync.Mutex
	sockets []*Socket // connecting or connected
	running int       // sockets whose last handler has not returned
	left    []string  // namespaces that it was in and is no more
	idle    *time.Timer
	closed  bool
}

func newClient(srv *Server, c conn, handshake *engineio.Handshake) *client {
	cl := &client{server: srv, conn: c, handshake: handshake, decoder: srv.decoder()}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.watch()
	return cl
}

// watch needs c.mu. It closes the session unless it joins a namespace in time.
func (c *client) watch() {
	if !c.closed {
		c.idle = time.AfterFunc(c.server.connectTimeout, func() {
			c.conn.Close(engineio.ForcedServerClose)
		})
	}
}

// unwatch needs c.mu.
func (c *client) unwatch() {
	if c.idle != nil {
		c.idle.Stop()
		c.idle = nil
	}
}

// Message takes one message of the session.
func (c *client) Message(data []byte, binary bool) {
	p, err := c.decoder.Add(data, binary)
	switch {
	case err != nil:
		c.conn.Close(engineio.ParseError)
	case p != nil && !c.route(p):
		c.conn.Close(engineio.ForcedServerClose)
	}
}

// route hands a packet to its socket. It returns false when the session has to
// end: the packet cannot come from a client that keeps to the protocol, or
// events come faster than they are handled.
func (c *client) route(p *Packet) bool {
	if p.Type == ConnectPacket {
		return c.join(p)
	}
	s, late := c.find(p.Namespace)
	switch {
	case late:
	case s == nil || p.Type == ConnectErrorPacket:
		return false
	case p.Type == EventPacket:
		return s.inbox.offer(&c.server.workers, func() { s.handle(p) })
	case p.Type == AckPacket:
		s.acks.resolve(p.ID, newArgs(p, 0))
	case p.Type == DisconnectPacket:
		c.remove(s)
		s.leave()
		s.acks.close()
		s.inbox.put(&c.server.workers, func() { s.end(ClientNamespaceDisconnect, nil) })
	}
	return true
}

// join begins to connect the client to a namespace. It returns false when the
// client is in it, or about to be, or comes and goes too fast.
func (c *client) join(p *Packet) bool {
	ns, refusal := c.server.acquire(p.Namespace)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.index(p.Namespace) >= 0 || c.running >= maxSockets {
		if ns != nil {
			c.server.release(ns)
		}
		return false
	}
	if refusal != nil {
		c.refuse(p.Namespace, refusal)
		return true
	}
	s := newSocket(ns, c, p.Data)
	c.sockets = append(c.sockets, s)
	c.running++
	s.inbox.put(&c.server.workers, s.connect)
	return true
}

// refuse answers a connect with an error.
func (c *client) refuse(namespace string, why *ConnectError) {
	p, err := why.packet(namespace)
	if err != nil {
		c.server.logger.Error("refusal has data that is no JSON", "namespace", namespace, "error", err)
		p, _ = errRefused.packet(namespace) // has none
	}
	if f, err := c.server.frame(&p, ""); err == nil { // else the client named a namespace that cannot be written
		c.conn.Send(f)
	}
}

// find returns the socket of a namespace. Without one, late says that the client
// may not know yet that the server took it out of the namespace.
func (c *client) find(namespace string) (s *Socket, late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.index(namespace); i >= 0 && c.sockets[i].admitted {
		return c.sockets[i], false
	}
	return nil, len(c.sockets) > 0 && slices.Contains(c.left, namespace)
}

// index needs c.mu.
func (c *client) index(namespace string) int {
	return slices.IndexFunc(c.sockets, func(s *Socket) bool { return s.ns.name == namespace })
}

// admit lets a socket's packets through. It returns false when the session has
// ended meanwhile.
func (c *client) admit(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	s.admitted = true
	c.unwatch()
	return true
}

// remove takes a socket out of the client.
func (c *client) remove(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	if s.admitted && !slices.Contains(c.left, s.ns.name) {
		c.left = append(c.left, s.ns.name)
	}
	if c.idle == nil && !slices.ContainsFunc(c.sockets, func(s *Socket) bool { return s.admitted }) {
		c.watch()
	}
}

// finished is called once, when a socket has nothing to do any more.
func (c *client) finished(s *Socket) {
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	c.server.release(s.ns)
}

// disconnect takes the client out of all its namespaces and ends the session.
func (c *client) disconnect() {
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		s.Disconnect(false)
	}
	c.conn.Close(engineio.ForcedServerClose)
}

// Closed ends the sockets, each after the events that it still has to handle.
func (c *client) Closed(reason engineio.Reason) {
	c.mu.Lock()
	c.closed = true
	c.unwatch()
	sockets := c.sockets
	c.sockets = nil
	c.mu.Unlock()
	for _, s := range sockets {
		if !recoverable(reason) {
			s.leave()
		}
		s.acks.close() // a handler may be waiting for one
		s.inbox.put(&c.server.workers, func() { s.end(reason, nil) })
	}
}
