package socketio

import (
	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// connect is the first task of a socket's inbox: middleware, recovery, the answer
// to the client, then OnConnect.
func (s *Socket) connect() {
	srv := s.ns.server
	middleware, onConnect := s.ns.hooks()
	for _, use := range middleware {
		var err error
		if !srv.guard("middleware", func() { err = use(s) }) {
			err = errRefused
		}
		if err != nil {
			s.refuse(err)
			return
		}
	}
	if !s.client.admit(s) || !s.resume() && !s.open() {
		s.client.finished(s)
		return
	}
	for _, fn := range onConnect {
		srv.guard("OnConnect", func() { fn(s) })
	}
}

// refuse answers the client with the error of a middleware.
func (s *Socket) refuse(err error) {
	refusal, known := forClient(err)
	if !known {
		s.ns.server.logger.Error("middleware failed", "namespace", s.ns.name, "error", err)
	}
	s.mu.Lock()
	s.phase = closed
	s.mu.Unlock()
	s.client.remove(s) // first, so that the client may try again once it knows
	s.client.finished(s)
	s.client.refuse(s.ns.name, refusal)
}

// open puts the socket into the namespace and its early rooms. Nothing can be
// sent to it before the answer to its connect.
func (s *Socket) open() bool {
	pid := ""
	if s.recovery != nil {
		pid = s.recovery.pid
	}
	answer := connected(s.ns.name, s.id, pid)
	f, err := s.ns.server.frame(&answer, "")
	if err != nil {
		return false // a namespace whose name is not UTF-8: no client can ask for it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(s.early)
	s.save() // first, for the client may be cut off as soon as it knows its ids
	s.client.conn.Send(f)
	return true
}

// begin needs s.mu. It puts the socket into the namespace and rooms.
func (s *Socket) begin(rooms []string) {
	s.phase = open
	s.ns.add(s)
	s.ns.enter(s, rooms)
	s.early = nil
	if s.recovery != nil {
		s.recovery.kept = true
	}
}

// leave is called when the client has left for good. The events that it sent
// before are still to be handled, with the socket in its rooms, but nothing is
// sent any more: the client may be in the namespace again, by another socket.
func (s *Socket) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	s.part(ClientNamespaceDisconnect)
}

// end takes the socket out of its rooms and the namespace and has its
// OnDisconnect functions called. farewell, when not nil, is the last that the
// client receives. The first call wins; it does nothing while the socket
// connects.
func (s *Socket) end(why Reason, farewell *engineio.Frame) {
	s.mu.Lock()
	if s.phase != open {
		s.mu.Unlock()
		return
	}
	if farewell != nil {
		s.write(farewell)
	}
	s.phase = closed
	s.part(why)
	s.ns.remove(s)
	s.mu.Unlock()

	s.client.remove(s)
	s.acks.close()
	s.inbox.put(&s.ns.server.workers, func() {
		defer s.ns.ended(s)
		s.hooks.Lock()
		ended := s.ended
		s.hooks.Unlock()
		for _, fn := range ended {
			s.ns.server.guard("OnDisconnect", func() { fn(why) })
		}
		s.client.finished(s)
	})
}

// handle calls the handlers of an event.
func (s *Socket) handle(p *Packet) {
	if !s.Connected() {
		return
	}
	event, err := eventName(p.Data)
	if err != nil {
		return // Decode has looked at it
	}
	args, ack := newArgs(p, 1), s.ack(p.ID)
	args.wantsAck = p.ID != nil
	s.hooks.Lock()
	all, handlers := s.any, s.handlers
	s.hooks.Unlock()
	for _, fn := range all {
		s.ns.server.guard("OnAny", func() { fn(event, args, ack) })
	}
	for _, h := range handlers {
		if h.event == event {
			s.ns.server.guard("On", func() { h.call(args, ack) })
		}
	}
}
