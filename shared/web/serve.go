package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How a server ends. A platform that sends SIGTERM kills after 10 s.
const (
	// DrainTime is how long requests may take to finish.
	DrainTime = 8 * time.Second
	// lastRequests is how long kept-alive connections are told to close with
	// their next reply before they are closed in silence. A proxy that sends a
	// request on a connection at the moment of its close cannot know whether the
	// request was taken.
	lastRequests = 250 * time.Millisecond
)

// NewServer returns a server with timeouts for h. There is no write or read
// timeout for whole requests, because long polls and profiles take long by
// design; Stack bounds the time of bodies.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Serve answers requests on ln until ctx ends or the server fails, and closes
// ln. When ctx ends it calls onDrain (readiness off), refuses new connections,
// lets requests in flight finish within DrainTime, and returns nil. It returns
// an error when requests had to be cut.
//
// Hijacked connections (websockets) are not waited for: onDrain starts their
// end, and the caller waits for that. s must not be in use elsewhere.
func Serve(ctx context.Context, s *http.Server, ln net.Listener, onDrain func()) error {
	return serve(ctx, s, ln, onDrain, DrainTime)
}

func serve(ctx context.Context, s *http.Server, ln net.Listener, onDrain func(), limit time.Duration) error {
	var d drain
	d.attach(s)
	ln = guard(s, ln)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(ln) }() // ends when ln is closed
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}

	if onDrain != nil {
		onDrain()
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	d.closing.Store(true)
	closeErr := ln.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		closeErr = errors.Join(closeErr, err)
	}
	d.wait(lastRequests)
	if err := s.Shutdown(deadline); err != nil && !errors.Is(err, net.ErrClosed) {
		_ = s.Close() // the error of Shutdown says more
		return fmt.Errorf("drain %s: requests cut after %s: %w", ln.Addr(), limit, err)
	}
	if closeErr != nil && !errors.Is(closeErr, net.ErrClosed) {
		return fmt.Errorf("close %s: %w", ln.Addr(), closeErr)
	}
	return nil
}

// drain knows the open connections of a server that is about to end.
type drain struct {
	closing atomic.Bool
	mu      sync.Mutex
	open    map[net.Conn]struct{} // without the hijacked ones
	changed chan struct{}         // has room for one: something was closed
}

// attach puts d between the server and its handler and state hook.
func (d *drain) attach(s *http.Server) {
	d.open = make(map[net.Conn]struct{})
	d.changed = make(chan struct{}, 1)
	handler, hook := s.Handler, s.ConnState
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.closing.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
	s.ConnState = func(c net.Conn, state http.ConnState) {
		d.note(c, state)
		if hook != nil {
			hook(c, state)
		}
	}
}

func (d *drain) note(c net.Conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state {
	case http.StateNew:
		d.open[c] = struct{}{}
	case http.StateHijacked, http.StateClosed:
		delete(d.open, c)
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
}

// wait returns when no connection is open, or after most.
func (d *drain) wait(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		d.mu.Lock()
		n := len(d.open)
		d.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-d.changed:
		case <-timer.C:
			return
		}
	}
}
