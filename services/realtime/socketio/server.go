package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// Options configure a Server. The zero value of a field means its default.
type Options struct {
	// Engine configures the sessions underneath.
	Engine engineio.Options
	// ConnectTimeout closes a session that is in no namespace for so long; 45 s.
	ConnectTimeout time.Duration
	// Adapter connects the server to others; none by default.
	Adapter Adapter
	// Recovery is how long a client that lost its connection may stay away and still
	// go on where it stopped; 0 turns recovery off. With an adapter it needs one
	// whose Bus is a Journal, which has a window of its own.
	Recovery time.Duration
	// Parser is the form of packets, when it is not the protocol's own; clients have to
	// use the same.
	Parser Parser
	// MaxDynamic is how many dynamic namespaces there may be at a time; 10,000.
	MaxDynamic int
	// Logger receives panics of handlers and what goes wrong between servers;
	// slog.Default.
	Logger *slog.Logger
}

// Server serves Socket.IO clients. It is an http.Handler for the path
// /socket.io/. Its methods may be called concurrently.
type Server struct {
	engine         *engineio.Server
	adapter        Adapter
	logger         *slog.Logger
	connectTimeout time.Duration
	recovery       time.Duration
	parser         Parser         // nil: the protocol's own form
	workers        sync.WaitGroup // goroutines of inboxes
	flushers       sync.WaitGroup // goroutines of rooms

	resumed, begun atomic.Uint64 // clients that came back, by what became of them

	retiring sync.WaitGroup // goroutines that close dynamic namespaces

	mu         sync.Mutex
	namespaces map[string]*Namespace
	dynamic    []*Dynamic
	children   int // dynamic namespaces, those included that are being closed
	maxDynamic int
	ending     bool
}

// New starts a server with the namespace "/"; Shutdown ends it. Set up the
// namespaces before the first client arrives.
func New(opts Options) *Server {
	srv := newServer(opts)
	srv.engine = engineio.NewServer(opts.Engine, func(s *engineio.Session) engineio.Handler {
		return newClient(srv, s, s.Request())
	})
	return srv
}

// newServer makes a server without sessions.
func newServer(opts Options) *Server {
	srv := &Server{
		adapter:        opts.Adapter,
		logger:         opts.Logger,
		connectTimeout: opts.ConnectTimeout,
		recovery:       max(0, opts.Recovery),
		parser:         opts.Parser,
		namespaces:     make(map[string]*Namespace),
	}
	if srv.logger == nil {
		srv.logger = slog.Default()
	}
	if srv.maxDynamic = opts.MaxDynamic; srv.maxDynamic <= 0 {
		srv.maxDynamic = 10_000
	}
	if srv.connectTimeout <= 0 {
		srv.connectTimeout = 45 * time.Second
	}
	srv.Of(rootName)
	return srv
}

// Tally is what the sessions underneath have had done to them; see engineio.Tally.
func (srv *Server) Tally() engineio.Tally { return srv.engine.Tally() }

// Recoveries is how many clients that asked to go on where they stopped could, and how
// many had to begin afresh, since the start.
func (srv *Server) Recoveries() (recovered, failed uint64) {
	return srv.resumed.Load(), srv.begun.Load()
}

// ServeHTTP opens a session or serves a request of one.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { srv.engine.ServeHTTP(w, r) }

// Of returns a namespace and creates it at the first call. When the adapter
// refuses to open it, the refusal is logged and the namespace works alone.
func (srv *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, rootName) {
		name = rootName + name
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	ns, ok := srv.namespaces[name]
	if !ok {
		ns = newNamespace(srv, name)
		srv.namespaces[name] = ns
	}
	return ns
}

// Shutdown refuses new sessions and closes those there are, evenly over spread,
// without telling the clients to stay away: they reconnect elsewhere. It waits
// for handlers and for what is on its way to other servers. When ctx ends
// first it returns ctx's error and leaves the adapter open.
func (srv *Server) Shutdown(ctx context.Context, spread time.Duration) error {
	if err := srv.engine.Shutdown(ctx, spread); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	srv.mu.Lock()
	for _, ns := range srv.namespaces {
		ns.serverSide.close()
	}
	srv.mu.Unlock()
	// The sessions are closed, but their last handlers may still run.
	done := make(chan struct{})
	go func() { // ends with the handlers
		srv.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("shut down: wait for handlers: %w", ctx.Err())
	}
	if err := srv.retired(ctx); err != nil {
		return fmt.Errorf("shut down: close namespaces: %w", err)
	}
	return srv.closeNamespaces()
}

// closeNamespaces ends the work of rooms, then the connections to other
// servers.
func (srv *Server) closeNamespaces() error {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	var open []*Namespace
	for _, ns := range srv.namespaces {
		if ns.close() {
			open = append(open, ns)
		}
	}
	srv.flushers.Wait()
	var errs []error
	for _, ns := range open {
		if err := ns.bus.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close namespace %s: %w", ns.name, err))
		}
	}
	return errors.Join(errs...)
}

// guard calls code of the library's user. A panic there is logged and reported
// as false; it ends neither the socket nor the process.
func (srv *Server) guard(where string, call func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			srv.logger.Error("socket handler panicked", "where", where, "panic", v, "stack", string(debug.Stack()))
			ok = false
		}
	}()
	call()
	return true
}
