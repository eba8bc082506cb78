package engineio

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// tagLength is how many characters of a session's id name its server. What is
// left of the 20 are 96 random bits.
const tagLength = 4

// idLength is that of every session id.
const idLength = 20

// ErrNoOwner is what a Forwarder's stream says when no server has the tag: its
// sessions are gone.
var ErrNoOwner = errors.New("no server has this tag")

// Forwarder reaches the other servers of a cluster, so that a load balancer may
// bring any request of a session to any of them. It may be used concurrently.
type Forwarder interface {
	// Tag is what the ids of new sessions begin with: 4 characters of base64url
	// that no other server has.
	Tag() string
	// Dial opens a stream to the server with a tag and does not wait for it. The
	// stream ends with ErrNoOwner when there is none, and with another error when
	// the way to it is lost; it is used like a TCP connection.
	Dial(ctx context.Context, tag string) (net.Conn, error)
	// Listen returns what accepts the streams that others dial. The Server calls it
	// once and closes the listener when its sessions have ended.
	Listen() net.Listener
}

// newID returns the id of a new session, which begins with this server's tag.
func (srv *Server) newID() string {
	id := newID()
	if srv.opts.Forwarder == nil {
		return id
	}
	return srv.opts.Forwarder.Tag() + id[tagLength:]
}

// foreign reports whether a session may be another server's.
func (srv *Server) foreign(id string) bool {
	return srv.opts.Forwarder != nil && len(id) == idLength &&
		srv.lookup(id) == nil && id[:tagLength] != srv.opts.Forwarder.Tag()
}

// forward has the owner of a session serve a request for it. Both sides of the
// answer are bounded: a GET waits for the session's next ping at the latest.
func (srv *Server) forward(w http.ResponseWriter, r *http.Request, query url.Values) {
	id := query.Get("sid")
	stream, err := srv.opts.Forwarder.Dial(r.Context(), id[:tagLength])
	if err != nil {
		refuse(w, unreached(err))
		return
	}
	if !srv.passages.add(stream) {
		stream.Close()
		refuse(w, errDraining)
		return
	}
	defer srv.passages.remove(stream)
	// The owner must learn that the client gave up. A tunnel outlives the request.
	stop := context.AfterFunc(r.Context(), func() { _ = stream.Close() })
	defer stop()
	if query.Get("transport") == transportWebsocket {
		srv.forwardWebsocket(w, r, stream, id, stop)
		return
	}
	srv.forwardPolling(w, r, stream, id)
}

// unreached is the answer when the owner of a session cannot be asked.
//
// Clients that poll close on any status but 200 and come back with a new
// session after their own short pause, so the status is for people and for
// other programs: 400 says that the session is gone, 503 that nobody knows.
func unreached(err error) *Refusal {
	switch {
	case errors.Is(err, ErrNoOwner):
		return errUnknownSession
	case errors.Is(err, net.ErrClosed): // by this server's end, or the client gave up
		return errDraining
	default:
		return errUnreachable
	}
}

// pass is the request that the owner gets: what it needs to know and nothing
// else, no cookie and no token.
func pass(r *http.Request, id, transport string, headers ...string) *http.Request {
	out := &http.Request{
		Method: r.Method,
		URL:    &url.URL{Path: r.URL.Path, RawQuery: url.Values{"EIO": {"4"}, "transport": {transport}, "sid": {id}}.Encode()},
		Host:   "owner",
		Header: http.Header{"User-Agent": {""}}, // none
	}
	for _, name := range headers {
		if values := r.Header.Values(name); len(values) > 0 {
			out.Header[name] = values
		}
	}
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		// Left open, so that what is not forwarded can be read and dropped: over
		// unread bytes the connection would be reset before the answer is read.
		out.Body, out.ContentLength = io.NopCloser(r.Body), r.ContentLength
	}
	return out
}

// forwardPolling relays one polling request.
func (srv *Server) forwardPolling(w http.ResponseWriter, r *http.Request, stream net.Conn, id string) {
	defer stream.Close()
	_ = stream.SetDeadline(time.Now().Add(srv.opts.PingInterval + srv.opts.PingTimeout))
	out := pass(r, id, transportPolling, "Content-Type", "Accept-Encoding")
	out.Close = true
	asked := out.Write(stream) // fails also when the owner has answered without reading it all
	answer, err := http.ReadResponse(bufio.NewReader(stream), out)
	if err != nil {
		refuse(w, unreached(errors.Join(asked, err)))
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body) // at once: half an answer cannot be taken back
	if err != nil {
		refuse(w, unreached(err))
		return
	}
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Cache-Control", "Vary", "Retry-After"} {
		for _, value := range answer.Header.Values(name) {
			h.Add(name, value)
		}
	}
	if answer.StatusCode != http.StatusOK {
		h.Set("Connection", "close") // as refuse does
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(srv.opts.StallTimeout))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // an error here is the client's loss of its connection
}

// forwardWebsocket lays a tunnel between the client's websocket and the owner
// of the session that it is to carry. stop ends the watch over the request.
func (srv *Server) forwardWebsocket(w http.ResponseWriter, r *http.Request, stream net.Conn, id string, stop func() bool) {
	t := srv.negotiate(w, r, stream, id)
	if t == nil {
		stream.Close()
		return
	}
	_ = stream.SetDeadline(time.Time{})
	if !stop() || !srv.passages.start(t, &srv.group) { // the client is gone, or this server ends
		_ = t.Close()
	}
}

// negotiate asks the owner to take a websocket and passes its answer on. It
// returns nil when there is to be none; the request is answered then.
func (srv *Server) negotiate(w http.ResponseWriter, r *http.Request, stream net.Conn, id string) *tunnel {
	if !websocket.IsWebSocketUpgrade(r) {
		refuse(w, errBadRequest)
		return nil
	}
	_ = stream.SetDeadline(time.Now().Add(srv.opts.UpgradeTimeout))
	out := pass(r, id, transportWebsocket, "Connection", "Upgrade", "Sec-Websocket-Version", "Sec-Websocket-Key")
	in := bufio.NewReaderSize(stream, 512)
	asked := out.Write(stream)
	answer, err := http.ReadResponse(in, out)
	if err != nil {
		refuse(w, unreached(errors.Join(asked, err)))
		return nil
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		srv.relay(w, answer)
		return nil
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		srv.opts.Logger.Error("take over a connection", "error", err)
		refuse(w, errBadRequest)
		return nil
	}
	return &tunnel{
		client: conn, owner: stream, stall: srv.opts.StallTimeout,
		head: slices.Concat(switching(answer.Header), buffered(in)), first: buffered(rw.Reader),
	}
}

// relay answers as the owner did, in a few bytes.
func (srv *Server) relay(w http.ResponseWriter, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		refuse(w, unreached(err))
		return
	}
	h := w.Header()
	for _, name := range []string{"Content-Type", "Cache-Control", "Retry-After", "Sec-Websocket-Version"} {
		if value := answer.Header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Connection", "close")
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body)
}

// buffered takes what a reader holds already.
func buffered(r *bufio.Reader) []byte {
	b := make([]byte, r.Buffered())
	_, _ = io.ReadFull(r, b) // there are so many
	return b
}
