package engineio

import (
	"runtime/debug"
	"sync"
	"time"
)

// Handler receives what happens to one session. Its methods are called from one
// goroutine, in order. While a call runs nothing more is read from the client,
// its pongs neither: a call that takes longer than PingTimeout costs the session.
type Handler interface {
	// Message takes a message; data belongs to the callee.
	Message(data []byte, binary bool)
	// Closed is called exactly once, after the last Message.
	Closed(reason Reason)
}

// transport carries the frames of a session to the client. Its methods never
// block and are called with Session.mu held.
type transport interface {
	send(f *Frame) bool // false: the connection takes no more
	writable() bool
	end(why Reason, hard bool) // hard: at once, without a word to the client
}

// source is where a session's packets come from.
type source interface {
	// receive hands the session every packet until the transport or the session
	// ends, and returns why.
	receive(s *Session) Reason
	// finish ends the transport once the session is closed, and waits for it.
	finish()
}

// Session is one client. Its methods may be called from any goroutine, a
// Handler's included, and do not block.
type Session struct {
	id        string
	handshake Handshake
	server    *Server
	handler   Handler // the session's goroutine's alone
	poller    *poller // nil in a session that began as a websocket
	beat      beat
	expires   time.Duration // since heartbeat.start; 0: never
	toll      toll

	mu   sync.Mutex
	wire transport
	why  Reason // empty while the session is open
}

// ID identifies the session to its client alone: whoever knows it can act as
// the client, so it must not be shown to others or logged.
func (s *Session) ID() string { return s.id }

// Request is what is kept of the handshake's request.
func (s *Session) Request() *Handshake { return &s.handshake }

// Transport is the name of the transport in use: "polling" or "websocket".
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poller != nil && s.wire == s.poller {
		return transportPolling
	}
	return transportWebsocket
}

// Send writes a frame, or queues it when the client does not take it at once.
// It returns false when the session is closed or was just cut for reading too
// slowly; the frame is then lost.
func (s *Session) Send(f *Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why == "" && s.wire.send(f)
}

// Writable reports whether a frame sent now would go out at once. Frames that
// may be dropped are sent only then.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why == "" && s.wire.writable()
}

// Close ends the session. The client receives what was sent before, then the
// end of the transport. The first reason wins.
func (s *Session) Close(why Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
		s.wire.end(why, false)
	}
}

// cut ends the session and its connection at once, closed or not.
func (s *Session) cut(why Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
	}
	s.wire.end(s.why, true)
}

// closed is why the session was closed, empty while it is open.
func (s *Session) closed() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// run is the session's goroutine. It ends with the transport.
func (s *Session) run(from source) {
	s.guard(func() { s.handler = s.server.accept(s) })
	if s.handler == nil {
		s.Close(ForcedServerClose)
	}
	s.Close(from.receive(s))
	s.server.remove(s)
	if s.handler != nil {
		s.guard(func() { s.handler.Closed(s.closed()) })
	}
	from.finish()
}

// take acts on a packet of the client and returns a reason when the session
// ends with it. What an open session has no use for is ignored.
func (s *Session) take(p packet) Reason {
	if why := s.closed(); why != "" {
		return why
	}
	if !s.server.admission.spend(&s.toll, len(p.data)) {
		s.server.opts.tally.floods.Add(1)
		return TransportError
	}
	switch p.kind {
	case packetMessage:
		s.guard(func() { s.handler.Message(p.data, p.binary) })
	case packetPong:
		if s.server.beat.pong(s) {
			return ServerShuttingDown
		}
	case packetClose:
		return TransportClose
	case packetPing:
		return TransportError // the server pings in this version of the protocol
	}
	return ""
}

// guard calls into the layer above. A panic there ends this session and no
// other.
func (s *Session) guard(call func()) {
	defer func() {
		if v := recover(); v != nil {
			s.server.opts.Logger.Error("session handler panicked", "panic", v, "stack", string(debug.Stack()))
			s.Close(ForcedServerClose)
		}
	}()
	call()
}
