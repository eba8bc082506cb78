package pooler

import (
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// session is one client. While it is in a transaction it holds a server.
type session struct {
	pooler  *Pooler
	backend *pgproto3.Backend

	mu      sync.Mutex
	server  *server
	pending int  // answers that the server still owes, counted in ReadyForQuery
	dirty   bool // messages went out that no Sync has followed yet
	wg      sync.WaitGroup
}

// serve forwards one client's messages until it leaves.
func (p *Pooler) serve(conn net.Conn) {
	s := &session{pooler: p, backend: pgproto3.NewBackend(conn, conn)}
	if greet(conn, s.backend) != nil {
		return
	}
	for {
		message, err := s.backend.Receive()
		if err != nil {
			break
		}
		if _, end := message.(*pgproto3.Terminate); end || s.forward(message) != nil {
			break
		}
	}
	s.leave()
	s.wg.Wait()
}

// forward sends one message to the session's server, or to the next free one.
func (s *session) forward(message pgproto3.FrontendMessage) error {
	s.mu.Lock()
	if s.server == nil {
		s.mu.Unlock()
		next := <-s.pooler.servers
		s.mu.Lock()
		s.server = next
		s.wg.Go(func() { s.answer(next) })
	}
	defer s.mu.Unlock()
	s.dirty = true
	switch message.(type) {
	case *pgproto3.Query, *pgproto3.Sync:
		s.pending++
		s.dirty = false
	}
	s.server.frontend.Send(message)
	return s.server.frontend.Flush()
}

// answer passes the server's messages on. It ends when the transaction is over,
// which gives the server back, or with the server's connection.
func (s *session) answer(from *server) {
	for {
		message, err := from.frontend.Receive()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.backend.Send(message)
		err = s.backend.Flush()
		ready, isReady := message.(*pgproto3.ReadyForQuery)
		if isReady {
			s.pending--
		}
		free := isReady && ready.TxStatus == 'I' && s.pending == 0 && !s.dirty
		if free {
			s.server = nil
			s.pooler.servers <- from
		}
		s.mu.Unlock()
		if free || err != nil {
			return
		}
	}
}

// leave replaces a server that the client left in the middle of something.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return
	}
	s.server.conn.Close()
	s.server = nil
	if err := s.pooler.dial(); err != nil {
		return // the server is gone; the remaining connections serve on
	}
}
