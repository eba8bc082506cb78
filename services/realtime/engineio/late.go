package engineio

import (
	"sync"
	"time"
)

// late holds the last packets of closed polling sessions for the clients'
// next requests.
type late struct {
	mu       sync.Mutex
	payloads map[string]farewell
}

type farewell struct {
	payload []byte
	fetched chan struct{} // closed when the payload was taken
}

// keep stores the last packets of a session.
func (srv *Server) keep(id string, payload []byte) {
	srv.late.mu.Lock()
	defer srv.late.mu.Unlock()
	srv.late.payloads[id] = farewell{payload: payload, fetched: make(chan struct{})}
}

// fetch takes the last packets of a session, if there are any.
func (srv *Server) fetch(id string) ([]byte, bool) {
	srv.late.mu.Lock()
	defer srv.late.mu.Unlock()
	f, ok := srv.late.payloads[id]
	if ok {
		delete(srv.late.payloads, id)
		close(f.fetched)
	}
	return f.payload, ok
}

// release waits until the last packets of a session, if any, were fetched, the
// client has had its time, or the server ends; then it drops them.
func (srv *Server) release(id string) {
	srv.late.mu.Lock()
	f, ok := srv.late.payloads[id]
	srv.late.mu.Unlock()
	if !ok {
		return
	}
	timer := time.NewTimer(lateWait)
	defer timer.Stop()
	select {
	case <-f.fetched:
	case <-timer.C:
	case <-srv.done:
	}
	srv.late.mu.Lock()
	delete(srv.late.payloads, id)
	srv.late.mu.Unlock()
}
