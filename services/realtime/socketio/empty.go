package socketio

import (
	"context"
	"fmt"
	"time"
)

// Rotate closes the sessions there are now, evenly over a time, without telling
// the clients to stay away: they reconnect, and with recovery they go on. New
// sessions are taken all the while. When ctx ends first it returns ctx's error,
// and the rest stays.
func (srv *Server) Rotate(ctx context.Context, over time.Duration) error {
	if err := srv.engine.Rotate(ctx, over); err != nil {
		return fmt.Errorf("rotate sessions: %w", err)
	}
	return nil
}

// Empty refuses new sessions and closes those there are, evenly over a time,
// without telling the clients to stay away: they reconnect elsewhere. When ctx
// ends first it returns ctx's error, and the rest stays. The server goes on
// working: Admit makes it take sessions again.
func (srv *Server) Empty(ctx context.Context, over time.Duration) error {
	if err := srv.engine.Empty(ctx, over); err != nil {
		return fmt.Errorf("empty the server: %w", err)
	}
	return nil
}

// Admit takes new sessions again after Empty.
func (srv *Server) Admit() { srv.engine.Admit() }
