package engineio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
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
	srv.pending.Wait() // they do not block; after them no session is added
	var carried sync.WaitGroup
	carried.Go(func() { srv.passages.closeAll(ctx, spread) }) // ends after spread, or with ctx
	srv.closeAll(ctx, spread)
	carried.Wait()
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

// closeAll closes the open sessions over spread, or at once when ctx ends.
func (srv *Server) closeAll(ctx context.Context, spread time.Duration) {
	sessions := srv.all()
	rand.Shuffle(len(sessions), func(i, j int) { sessions[i], sessions[j] = sessions[j], sessions[i] })
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, s := range sessions {
		timer.Reset(time.Until(begin.Add(spread * time.Duration(i) / time.Duration(len(sessions)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		s.Close(ServerShuttingDown)
	}
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
