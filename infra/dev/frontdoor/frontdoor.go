// Package frontdoor is the one address of the local stack: what a load balancer in
// front of the services does in production, as far as players can tell.
//
//	/socket.io/  the realtime containers in turn
//	/v1/         the actions service
//	/health /ready /live  of the whole stack
//	/            the page
package frontdoor

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// Service is a process behind the door.
type Service struct {
	Name string
	URL  *url.URL // scheme and host
}

// Options of a Door.
type Options struct {
	Realtime []Service // at least one
	Actions  Service
	Others   []Service // counted for /health and /ready only
	Page     fs.FS     // served at /
	Policy   string    // Content-Security-Policy of the page; empty: none
	Check    fs.FS     // served at /verify/; nil: nothing is
	// CheckPolicy is what Policy is for the page.
	CheckPolicy string
	Logger      *slog.Logger
}

// Door is the handler of the front door. It may be used concurrently; Close frees
// its idle connections.
type Door struct {
	mux       *http.ServeMux
	started   time.Time
	services  []Service
	transport *http.Transport
	probe     *http.Client
	logger    *slog.Logger
}

// New builds a door.
func New(opts Options) *Door {
	d := &Door{
		mux: http.NewServeMux(), started: time.Now(), logger: opts.Logger,
		// Straight to loopback: no proxy of the environment, no compression in between.
		transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true},
	}
	d.services = append(append(append(d.services, opts.Realtime...), opts.Actions), opts.Others...)
	d.probe = &http.Client{Transport: d.transport, Timeout: probeTimeout}

	d.mux.Handle("/socket.io/", d.proxy(newTurns(opts.Realtime, d.transport)))
	d.mux.Handle("/v1/", d.proxy(newTurns([]Service{opts.Actions}, d.transport)))
	d.mux.Handle("/live", readOnly(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"live": true, "uptime": d.uptime()})
	}))
	d.mux.Handle("/ready", readOnly(d.ready))
	d.mux.Handle("/health", readOnly(d.health))
	if opts.Check != nil {
		d.mux.Handle("/verify/", http.StripPrefix("/verify", readOnly(page(opts.Check, opts.CheckPolicy))))
	}
	d.mux.Handle("/", readOnly(page(opts.Page, opts.Policy)))
	return d
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// Close frees idle connections.
func (d *Door) Close() { d.transport.CloseIdleConnections() }

// uptime is in whole seconds, as in the services' own documents.
func (d *Door) uptime() int { return int(time.Since(d.started) / time.Second) }

// proxy forwards requests, upgrades to websockets included, through the round
// tripper that picks the container.
func (d *Door) proxy(through http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Transport: through,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "picked-later"
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		FlushInterval: -1, // a long poll's answer goes out as it comes
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return // the client left
			}
			d.logger.Warn("service unreachable", "path", r.URL.Path, "error", err)
			web.WriteProblem(w, r, problem.Of(problem.Unavailable, "The service is not running right now.").After(time.Second))
		},
	}
}

// readOnly refuses methods that would change something. The methods are not part of
// the patterns: "GET /" and "/v1/" would overlap.
func readOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			web.WriteProblem(w, r, problem.Of(problem.MethodNotAllowed, "This path does not have this method."))
			return
		}
		next(w, r)
	})
}

// page serves the files of the page and no list of them.
func page(files fs.FS, policy string) http.HandlerFunc {
	server := http.FileServerFS(files)
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if info, err := fs.Stat(files, name); name != "" && (err != nil || info.IsDir()) {
			web.WriteProblem(w, r, problem.Of(problem.NotFound, "There is nothing here."))
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		if policy != "" {
			h.Set("Content-Security-Policy", policy)
		}
		server.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
