package main

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/vegascore/vegascore/services/realtime/internal/client"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// routes are the paths of the players' listener.
func routes(rooms http.Handler, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger) http.Handler {
	mux := web.NewMux()
	mux.Handle("/socket.io/", rooms)
	mux.Handle("GET /socket.io/socket.io.js", client.Handler())
	mux.Handle("GET /live", state.Live())
	mux.Handle("GET /ready", state.Ready())
	mux.Handle("GET /health", state.Health())
	return web.Stack(web.Options{Logger: log, Registry: metrics, NoTrace: untraced}, mux)
}

// untraced reports requests that have no place in traces: probes, and sockets, whose
// events have spans of their own.
func untraced(r *http.Request) bool {
	return r.URL.Path == "/live" || r.URL.Path == "/ready" || r.URL.Path == "/health" || strings.HasPrefix(r.URL.Path, "/socket.io/")
}
