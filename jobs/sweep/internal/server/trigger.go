package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// Verifier decides whether a request is the scheduler's.
type Verifier interface {
	Verify(ctx context.Context, r *http.Request) error
}

// trigger starts sweeps, one at a time.
type trigger struct {
	verifier Verifier
	run      func(ctx context.Context, pass sweep.Pass) (sweep.Result, error)
	observe  func(sweep.Result)
	stop     context.Context // its end ends a sweep under way

	running sync.Mutex
	last    atomic.Pointer[sweep.Result]
}

// ServeHTTP answers POST /sweep with the result: 200 when all is well, 500 when it is
// not, so that the scheduler's own record says so too. The query may name the pass over
// the ledger. A second sweep at the same time is refused with 429.
func (t *trigger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.HandlerFunc(t.serve).ServeHTTP(w, r)
}

func (t *trigger) serve(w http.ResponseWriter, r *http.Request) error {
	if err := t.verifier.Verify(r.Context(), r); err != nil {
		return err
	}
	pass := sweep.Pass(r.URL.Query().Get("pass"))
	if pass != "" && !pass.Valid() {
		return problem.Of(problem.ParamsInvalid, "A pass is auto, new or full.")
	}
	if !t.running.TryLock() {
		return problem.Of(problem.TooManyRequests, "A sweep is under way.").After(10 * time.Second)
	}
	defer t.running.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(t.stop, cancel)()
	result, err := t.run(ctx, pass)
	if err != nil {
		return err
	}
	t.last.Store(&result)
	t.observe(result)
	status := http.StatusOK
	if !result.OK {
		status = http.StatusInternalServerError
	}
	return web.WriteJSON(w, status, result)
}

// swept is the last result, for the console; nil before the first.
func (t *trigger) swept() any {
	if r := t.last.Load(); r != nil {
		return r
	}
	return nil
}
