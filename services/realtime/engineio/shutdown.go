package engineio

import (
	"context"
	"fmt"
	"time"
)

// Shutdown refuses new handshakes with 503 from now on and closes every
// session, in random order and evenly over spread, so that the clients do not
// come back all at once elsewhere. It returns when every session has ended.
// When ctx ends first, the remaining connections are cut and ctx's error is
// returned. A second call waits like the first.
func (srv *Server) Shutdown(ctx context.Context, spread time.Duration) error {
	srv.mu.Lock()
	srv.draining = true
	srv.mu.Unlock()
	srv.pending.Wait()                  // they do not block; after them no session is added
	if srv.Rotate(ctx, spread) != nil { // no time is left
		for _, s := range srv.all() {
			s.Close(ServerShuttingDown)
		}
	}
	srv.passages.shut()
	srv.endForwarded(ctx)
	srv.stop()
	ended := make(chan struct{})
	go func() { // ends with the last session, whose connection is closed or cut here
		srv.group.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	for _, s := range srv.all() {
		s.cut(ServerShuttingDown)
	}
	return fmt.Errorf("close all sessions: %w", ctx.Err())
}

func (srv *Server) all() []*Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	sessions := make([]*Session, 0, len(srv.sessions))
	for _, s := range srv.sessions {
		sessions = append(sessions, s)
	}
	return sessions
}
