package engineio

import (
	"context"
	"io"
	"math/rand/v2"
	"time"
)

// Rotate closes what is open now, sessions and tunnels to other servers'
// sessions, in random order and evenly over a time: the clients connect anew,
// here or elsewhere. It returns when all are closed, or ctx's error when that
// ends first; then the rest stays open.
func (srv *Server) Rotate(ctx context.Context, over time.Duration) error {
	return evenly(ctx, srv.ends(), over)
}

// Empty is Rotate after new handshakes are refused with 503, so that the clients
// go elsewhere. The sessions that other requests belong to are served as before.
// Admit undoes the refusal.
func (srv *Server) Empty(ctx context.Context, over time.Duration) error {
	srv.refusing.Store(true)
	return srv.Rotate(ctx, over)
}

// ends closes what is open, one thing each.
func (srv *Server) ends() []io.Closer {
	open := srv.passages.all()
	for _, s := range srv.all() {
		open = append(open, parting{s})
	}
	return open
}

// Admit takes new handshakes again after Empty.
func (srv *Server) Admit() { srv.refusing.Store(false) }

// parting closes a session as the end of its server does.
type parting struct{ session *Session }

// Close implements io.Closer.
func (p parting) Close() error {
	p.session.Close(ServerShuttingDown)
	return nil
}

// evenly closes all in random order over a time, until ctx ends.
func evenly(ctx context.Context, all []io.Closer, over time.Duration) error {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, c := range all {
		timer.Reset(time.Until(begin.Add(over * time.Duration(i) / time.Duration(len(all)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		_ = c.Close() // one that is closed already says so
	}
	return nil
}
