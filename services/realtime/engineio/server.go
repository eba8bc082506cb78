package engineio

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const transportWebsocket = "websocket"

// Server opens sessions. It is an http.Handler for the path at which it is
// mounted, and may be used by many goroutines.
type Server struct {
	opts     Options
	accept   func(*Session) Handler
	origins  origins
	upgrader websocket.Upgrader
	beat     heartbeat
	stop     context.CancelFunc // ends the heartbeat
	group    sync.WaitGroup     // the heartbeat and every session's goroutine

	mu       sync.Mutex
	sessions map[string]*Session
	draining bool
	pending  sync.WaitGroup // handshakes past the check of draining
}

// NewServer starts a server; Shutdown ends it. accept is called for every new
// session, from the session's goroutine, before its first message; it may send
// already. A nil Handler closes the session.
func NewServer(opts Options, accept func(*Session) Handler) *Server {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	srv := &Server{
		opts:     opts,
		accept:   accept,
		origins:  newOrigins(opts.Origins),
		stop:     stop,
		beat:     heartbeat{interval: opts.PingInterval, timeout: opts.PingTimeout, start: time.Now()},
		sessions: make(map[string]*Session),
	}
	srv.upgrader = websocket.Upgrader{
		ReadBufferSize: 512,
		// Sessions write their own frames, so no connection needs the buffer that
		// gorilla would otherwise keep for it.
		WriteBufferSize: 512,
		WriteBufferPool: new(sync.Pool),
		CheckOrigin:     func(*http.Request) bool { return true }, // checked before, for every request
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, _ error) {
			w.Header().Set("Sec-WebSocket-Version", "13")
			refuse(w, errBadRequest)
		},
	}
	srv.group.Go(func() { srv.beat.run(ctx.Done()) })
	return srv
}

// Len is the number of open sessions.
func (srv *Server) Len() int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return len(srv.sessions)
}

// ServeHTTP opens a session. A refused request is answered with a status and
// the JSON body of a Refusal.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.origins.allow(r) {
		refuse(w, errForbidden)
		return
	}
	srv.origins.share(w.Header(), r)
	if r.Method == http.MethodOptions && srv.origins.cors() {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	query := r.URL.Query()
	if query.Get("transport") != transportWebsocket {
		refuse(w, errUnknownTransport)
		return
	}
	if id := query.Get("sid"); id != "" {
		srv.refuseSecond(w, r, id)
		return
	}
	if err := srv.check(r, query); err != nil {
		refuse(w, err)
		return
	}
	srv.open(w, r, query)
}

// refuseSecond answers a request that names a session: a session keeps the
// websocket it has, and a second one is opened and closed.
func (srv *Server) refuseSecond(w http.ResponseWriter, r *http.Request, id string) {
	srv.mu.Lock()
	known := srv.sessions[id] != nil
	srv.mu.Unlock()
	switch {
	case !known:
		refuse(w, errUnknownSession)
		return
	case !websocket.IsWebSocketUpgrade(r):
		refuse(w, errBadRequest)
		return
	}
	if t, err := srv.upgrade(w, r); err == nil {
		t.end(ForcedServerClose, false)
		t.finish()
	}
}

// check decides over a handshake, in the order of the reference server.
func (srv *Server) check(r *http.Request, query url.Values) error {
	if r.Method != http.MethodGet {
		return errBadHandshakeMethod
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return errBadRequest
	}
	if srv.opts.AllowRequest != nil {
		if err := srv.opts.AllowRequest(r); err != nil {
			return err
		}
	}
	if query.Get("EIO") != "4" {
		return errUnsupportedVersion
	}
	return nil
}

// open answers the handshake, sends the open packet and starts the session.
func (srv *Server) open(w http.ResponseWriter, r *http.Request, query url.Values) {
	if !srv.enter() {
		refuse(w, errDraining)
		return
	}
	defer srv.pending.Done()
	t, err := srv.upgrade(w, r)
	if err != nil {
		return // answered, or the client is gone
	}
	s := &Session{id: newID(), handshake: newHandshake(r, query), server: srv, wire: t}
	s.Send(textFrame(srv.openPacket(s.id)))
	srv.add(s)
	srv.group.Go(func() { s.run(t) })
}

func (srv *Server) openPacket(id string) string {
	return fmt.Sprintf(`0{"sid":%q,"upgrades":[],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		id, srv.opts.PingInterval.Milliseconds(), srv.opts.PingTimeout.Milliseconds(), srv.opts.MaxPayload)
}

// upgrade makes the request's connection a websocket. After an error the
// request is answered.
func (srv *Server) upgrade(w http.ResponseWriter, r *http.Request) (*socket, error) {
	h := &hijacker{ResponseWriter: w, opts: &srv.opts}
	ws, err := srv.upgrader.Upgrade(h, r, nil)
	if err != nil {
		return nil, err
	}
	return newSocket(h.conn, ws, srv.opts.MaxPayload), nil
}

// hijacker puts a conn under the websocket, so that all that gorilla writes
// takes the same way as the sessions' frames.
type hijacker struct {
	http.ResponseWriter
	opts *Options
	conn *conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = newConn(c, h.opts)
	return h.conn, rw, nil
}

// enter reports whether a handshake may go on; then pending counts it.
func (srv *Server) enter() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if !srv.draining {
		srv.pending.Add(1)
	}
	return !srv.draining
}

func (srv *Server) add(s *Session) {
	srv.mu.Lock()
	srv.sessions[s.id] = s
	srv.mu.Unlock()
	srv.beat.add(s)
}

func (srv *Server) remove(s *Session) {
	srv.beat.remove(s)
	srv.mu.Lock()
	delete(srv.sessions, s.id)
	srv.mu.Unlock()
}

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
	srv.closeAll(ctx, spread)
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
