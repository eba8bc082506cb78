package web

import (
	"net/http"

	"github.com/vegascore/vegascore/shared/problem"
)

// Mux is http.ServeMux with problem documents for what it refuses: 404 for an
// unknown path, 405 with Allow for a known path with another method. Its Handle
// and HandleFunc are ServeMux's.
type Mux struct{ http.ServeMux }

// NewMux returns an empty Mux.
func NewMux() *Mux { return &Mux{} }

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refusal, pattern := m.Handler(r)
	if pattern != "" || r.RequestURI == "*" {
		m.ServeMux.ServeHTTP(w, r)
		return
	}
	// Only the built-in handler knows which methods the path has.
	probe := probe{header: make(http.Header)}
	refusal.ServeHTTP(&probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		WriteProblem(w, r, problem.Of(problem.MethodNotAllowed, "This path does not have this method."))
		return
	}
	WriteProblem(w, r, problem.Of(problem.NotFound, "There is nothing here."))
}

// probe takes an answer that is not sent.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }
