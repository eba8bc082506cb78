package engineio

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// Names of the transports.
const (
	transportPolling   = "polling"
	transportWebsocket = "websocket"
)

// Server opens sessions. It is an http.Handler for the path at which it is
// mounted, and may be used by many goroutines.
type Server struct {
	opts      Options
	accept    func(*Session) Handler
	origins   origins
	upgrader  websocket.Upgrader
	admission *admission
	beat      heartbeat
	late      late
	passages  passages           // what is forwarded to other servers
	forwarded *http.Server       // serves what others forward; nil without a Forwarder
	done      <-chan struct{}    // ends the heartbeat and the wait for late requests
	stop      context.CancelFunc // closes done
	group     sync.WaitGroup     // the heartbeat, every session's goroutine, and websockets that ask to upgrade

	refusing atomic.Bool // new handshakes, since Empty

	mu       sync.Mutex
	sessions map[string]*Session
	draining bool           // for good: the server ends
	pending  sync.WaitGroup // handshakes past the check of draining
}

// NewServer starts a server; Shutdown ends it. accept is called for every new
// session, from the session's goroutine, before its first message; it may send
// already. A nil Handler closes the session.
func NewServer(opts Options, accept func(*Session) Handler) *Server {
	opts = opts.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	srv := &Server{
		opts:      opts,
		accept:    accept,
		origins:   newOrigins(&opts),
		admission: newAdmission(opts.Limits),
		late:      late{payloads: make(map[string]farewell)},
		done:      ctx.Done(),
		stop:      stop,
		beat:      newHeartbeat(&opts),
		sessions:  make(map[string]*Session),
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
	srv.group.Go(func() { srv.beat.run(srv.done) })
	if opts.Forwarder != nil {
		srv.serveForwarded()
	}
	return srv
}

// Len is the number of open sessions.
func (srv *Server) Len() int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return len(srv.sessions)
}

// ServeHTTP opens sessions and serves their further requests. A refused request is answered with a status and
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
	name, id := query.Get("transport"), query.Get("sid")
	switch {
	case !slices.Contains(srv.opts.Transports, name):
		refuse(w, errUnknownTransport)
	case id == "":
		if err := srv.check(r, query); err != nil {
			refuse(w, err)
			return
		}
		srv.open(w, r, query)
	case srv.foreign(id):
		srv.forward(w, r, query)
	case name == transportWebsocket:
		srv.serveWebsocket(w, r, id)
	default:
		srv.servePolling(w, r, id)
	}
}

// check decides over a handshake, in the order of the reference server.
func (srv *Server) check(r *http.Request, query url.Values) error {
	if r.Method != http.MethodGet {
		return errBadHandshakeMethod
	}
	if websocket.IsWebSocketUpgrade(r) != (query.Get("transport") == transportWebsocket) {
		return errBadRequest
	}
	if err := srv.admission.pass(r, srv.opts.tally); err != nil {
		return err
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

// open starts a session and answers the handshake with the open packet.
func (srv *Server) open(w http.ResponseWriter, r *http.Request, query url.Values) {
	if srv.refusing.Load() || !srv.enter() {
		srv.opts.tally.draining.Add(1)
		refuse(w, errDraining)
		return
	}
	defer srv.pending.Done()
	s := &Session{id: srv.newID(), handshake: newHandshake(r, query, srv.opts.Limits.Hops), server: srv}
	if !srv.admission.known.enter(s.handshake.Address) {
		srv.opts.tally.crowded.Add(1)
		refuse(w, crowded("Too many connections", crowdedWait))
		return
	}
	if query.Get("transport") == transportPolling {
		s.poller = newPoller(s)
		s.wire = s.poller
		srv.start(s, s.poller)
		srv.setCookie(w.Header(), s.id)
		if srv.writePayload(w, r, []byte(srv.openPacket(s))) != nil {
			s.Close(TransportClose) // nobody else knows its id
		}
		return
	}
	head := make(http.Header)
	srv.setCookie(head, s.id)
	t, err := srv.upgrade(w, r, head)
	if err != nil {
		srv.admission.leave(s)
		return // answered, or the client is gone
	}
	s.wire = t
	s.Send(textFrame(srv.openPacket(s)))
	srv.start(s, t)
}

func (srv *Server) openPacket(s *Session) string {
	upgrades := "[]"
	if s.poller != nil && slices.Contains(srv.opts.Transports, transportWebsocket) {
		upgrades = `["websocket"]`
	}
	return fmt.Sprintf(`0{"sid":%q,"upgrades":%s,"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		s.id, upgrades, srv.opts.PingInterval.Milliseconds(), srv.opts.PingTimeout.Milliseconds(), srv.opts.MaxPayload)
}

// upgrade makes the request's connection a websocket; the answer has the
// headers of head. After an error the request is answered.
func (srv *Server) upgrade(w http.ResponseWriter, r *http.Request, head http.Header) (*socket, error) {
	h := &hijacker{ResponseWriter: w, opts: &srv.opts}
	ws, err := srv.upgrader.Upgrade(h, r, head)
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
	if b, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = b.SetWriteBuffer(h.opts.SendBuffer) // the system's size does as well
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

// start registers a session and its goroutine.
func (srv *Server) start(s *Session, from source) {
	srv.mu.Lock()
	srv.sessions[s.id] = s
	srv.mu.Unlock()
	srv.beat.add(s)
	srv.group.Go(func() { s.run(from) })
}

func (srv *Server) lookup(id string) *Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.sessions[id]
}

func (srv *Server) remove(s *Session) {
	srv.beat.remove(s)
	srv.mu.Lock()
	delete(srv.sessions, s.id)
	srv.mu.Unlock()
	srv.admission.leave(s)
}
