package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Probes are the health handlers that the internal listener shows.
type Probes interface {
	Live() http.Handler
	Ready() http.Handler
	Detail() http.Handler
}

// Internal returns the handler of the internal listener: /metrics, /health with
// hosts and error texts, /live, /ready and /debug/pprof/. It must never be
// reachable from outside.
func Internal(reg *prometheus.Registry, probes Probes) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		Registry: reg, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 5 * time.Second,
	}))
	mux.Handle("GET /health", probes.Detail())
	mux.Handle("GET /live", probes.Live())
	mux.Handle("GET /ready", probes.Ready())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ServeInternal listens on addr, logs the address that it got and serves h
// until ctx ends. Requests that are still running then are cut: a scrape or a
// profile is no reason to hold up the end of a container.
func ServeInternal(ctx context.Context, addr string, h http.Handler, log *slog.Logger) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("internal listener: %w", err)
	}
	log.Info("internal listener is up", "addr", ln.Addr().String())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // Serve reports the end
	defer stop()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("internal listener: %w", err)
	}
	return nil
}
