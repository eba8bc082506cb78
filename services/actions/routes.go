package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/vegascore/vegascore/services/actions/internal/api"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// everything is the FUNCTION_TARGET that stands for all functions.
const everything = "actions"

// routes mounts the functions at their paths, or the one of FUNCTION_TARGET at every
// path, where the functions framework would serve it.
func routes(target string, all []api.Function, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger, announce register) (http.Handler, error) {
	mux := web.NewMux()
	found := target == "" || target == everything
	names := []string{everything}
	for _, f := range all {
		announce(f.Name, f.ServeHTTP)
		names = append(names, f.Name)
		switch target {
		case "", everything:
			mux.Handle(f.Path, f)
		case f.Name:
			found = true
			mux.Handle("/", f.Alone())
		}
	}
	if !found {
		return nil, fmt.Errorf("FUNCTION_TARGET is %q: must be one of %s, or empty for all", target, strings.Join(names, ", "))
	}
	mux.Handle("GET /live", state.Live())
	mux.Handle("GET /ready", state.Ready())
	mux.Handle("GET /health", state.Health())
	return web.Stack(web.Options{Logger: log, Registry: metrics, NoTrace: probe}, mux), nil
}

// probe reports requests that have no place in traces.
func probe(r *http.Request) bool {
	return r.URL.Path == "/live" || r.URL.Path == "/ready" || r.URL.Path == "/health"
}
