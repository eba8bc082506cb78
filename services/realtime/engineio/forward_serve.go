package engineio

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// forwardedHeader bounds the head of a forwarded request, in bytes. Another
// server wrote it.
const forwardedHeader = 8 << 10

// partWriter is a stream of a Forwarder that can say how much it takes now. What
// it takes nobody changes afterwards.
type partWriter interface {
	// WritePart writes as much of b as can go without waiting.
	WritePart(b []byte) (n int, err error)
}

// serveForwarded starts to serve the requests that other servers forward to
// this one. They have checked where a request comes from, and what is a
// handshake never gets here. One request is served per stream, so that its end
// is the stream's.
func (srv *Server) serveForwarded() {
	srv.forwarded = &http.Server{
		Handler:           http.HandlerFunc(srv.serveOwn),
		ReadHeaderTimeout: srv.opts.UpgradeTimeout,
		MaxHeaderBytes:    forwardedHeader,
		ErrorLog:          slog.NewLogLogger(srv.opts.Logger.Handler(), slog.LevelWarn),
	}
	srv.forwarded.SetKeepAlivesEnabled(false)
	listener := srv.opts.Forwarder.Listen()
	srv.group.Go(func() { _ = srv.forwarded.Serve(listener) }) // ends with endForwarded
}

// serveOwn serves a forwarded request. A session that is not here is unknown:
// nothing is forwarded twice.
func (srv *Server) serveOwn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("transport") == transportWebsocket {
		srv.serveWebsocket(w, r, query.Get("sid"))
		return
	}
	srv.servePolling(w, r, query.Get("sid"))
}

// endForwarded waits for the answers under way, which the ends of the sessions
// have set off, until ctx ends. Tunnels end with their sessions.
func (srv *Server) endForwarded(ctx context.Context) {
	if srv.forwarded == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if srv.forwarded.Shutdown(ctx) != nil {
		_ = srv.forwarded.Close()
	}
}
