package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/vegascore/vegascore/services/events/internal/board"
	"github.com/vegascore/vegascore/services/events/internal/cup"
	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/services/events/internal/push"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// consumers are the functions of this service by their names, which are also those
// of the rows in handled_events.
var consumers = map[string]func() map[string]inbox.Prepare{
	board.Consumer: board.Types,
	cup.Consumer:   cup.Types,
}

// routes mounts the functions at POST /push/<name>. With FUNCTION_TARGET there is
// that one alone, at POST / as well, where the functions framework would serve it.
func routes(c config, db inbox.DB, verifier push.Verifier, counted *push.Metrics, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger, announce register) (http.Handler, error) {
	if _, known := consumers[c.Target]; c.Target != "" && !known {
		return nil, fmt.Errorf("FUNCTION_TARGET is %q: must be one of %s, or empty for all", c.Target, strings.Join(names(), ", "))
	}
	mux := web.NewMux()
	for _, name := range names() {
		f := &push.Function{Name: name, Verifier: verifier, Consumer: inbox.New(db, name, consumers[name]()), Metrics: counted, Logger: log}
		announce(name, f.ServeHTTP)
		if c.Target != "" && c.Target != name {
			continue
		}
		mux.HandleFunc("POST /push/"+name, f.ServeHTTP)
		if c.Target == name {
			mux.HandleFunc("POST /{$}", f.ServeHTTP)
		}
	}
	mux.Handle("GET /live", state.Live())
	mux.Handle("GET /ready", state.Ready())
	mux.Handle("GET /health", state.Health())
	return web.Stack(web.Options{Logger: log, Registry: metrics, NoTrace: probe}, mux), nil
}

func names() []string {
	var all []string
	for name := range consumers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// probe reports requests that have no place in traces.
func probe(r *http.Request) bool { return r.Method == http.MethodGet }
