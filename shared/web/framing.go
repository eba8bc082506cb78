package web

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

// Framing answers 400 to a request that has both Content-Length and
// Transfer-Encoding: where a proxy believes the one and we the other, the rest
// of the body is a request that nobody checked (RFC 9112, section 11.2).
// net/http takes such a request and hides the length, so the connections that
// Serve accepts look at the header as it comes in; under another server this
// middleware only closes connections after chunked bodies.
func Framing() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if g, ok := r.Context().Value(guardKey{}).(*guarded); ok && g.bad.Load() {
				w.Header().Set("Connection", "close")
				_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // nobody waits for what is left
				WriteProblem(w, r, problem.Of(problem.BadRequest, "The length of the body is given in two ways."))
				return
			}
			if len(r.TransferEncoding) > 0 {
				w.Header().Set("Connection", "close") // the guard does not follow chunks
			}
			next.ServeHTTP(w, r)
		})
	}
}

type guardKey struct{}

// guard wraps the listener's connections, and lets requests find theirs.
func guard(s *http.Server, ln net.Listener) net.Listener {
	before := s.ConnContext
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if before != nil {
			ctx = before(ctx, c)
		}
		return context.WithValue(ctx, guardKey{}, c)
	}
	return guardedListener{ln}
}

type guardedListener struct{ net.Listener }

// Accept implements net.Listener.
func (l guardedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guarded{Conn: c}, nil
}

// guarded reads along with the server: which of the two headers the current
// request has, and where the next one begins. Read is called by one goroutine
// at a time, as net/http does.
type guarded struct {
	net.Conn
	bad atomic.Bool // seen for good: the connection ends with its next reply
	off atomic.Bool // nothing to look at any more

	line            []byte // the start of a line that is not complete yet
	begun           bool   // the request line has been read
	length, chunked bool   // which headers are there
	announced       uint64 // the length
	body            uint64 // bytes of the body that are still to come
}

// NetConn returns the connection underneath.
func (g *guarded) NetConn() net.Conn { return g.Conn }

// unguard returns the connection underneath a guard, and ends its work.
func unguard(c net.Conn) net.Conn {
	if g, ok := c.(*guarded); ok {
		g.off.Store(true)
		return g.Conn
	}
	return c
}

// Read implements net.Conn.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.off.Load() {
		g.look(p[:n])
	}
	return n, err
}

// maxLine is how much of a line is kept: the name and a number.
const maxLine = 64 // bytes

func (g *guarded) look(p []byte) {
	for len(p) > 0 && !g.off.Load() {
		if g.body > 0 {
			n := min(g.body, uint64(len(p)))
			g.body, p = g.body-n, p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		g.line = append(g.line, part[:min(len(part), maxLine-len(g.line))]...)
		if end < 0 {
			return
		}
		p = p[end+1:]
		g.header(bytes.TrimSuffix(g.line, []byte("\r")), len(g.line) == maxLine)
		g.line = g.line[:0]
	}
}

func (g *guarded) header(line []byte, cut bool) {
	if len(line) == 0 {
		g.end()
		return
	}
	if !g.begun { // the request line
		g.begun = true
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		g.chunked = true
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 63)
		if err != nil || cut || g.length && n != g.announced {
			g.refuse()
		}
		g.length, g.announced = true, n
	}
}

// end is called at the empty line after a header.
func (g *guarded) end() {
	switch {
	case g.length && g.chunked:
		g.refuse()
	case g.chunked: // Framing closes after this one
		g.off.Store(true)
	}
	g.body = g.announced
	g.begun, g.length, g.chunked, g.announced = false, false, false, 0
}

func (g *guarded) refuse() {
	g.bad.Store(true)
	g.off.Store(true)
}
