package health

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options of New.
type Options struct {
	Version string       // shown in the document
	Logger  *slog.Logger // told when a component changes its status; slog.Default() when nil
	// Observe is called after every run that ended in time or reached its
	// limit, by the goroutine of that component. May be nil.
	Observe func(component string, status Status, latency time.Duration)
	// Token, as a bearer token, gets the answer of Detail from Health; without one
	// nobody does.
	Token string
}

// Health holds the state of a container. Its methods and handlers may be called
// concurrently.
type Health struct {
	options    Options
	started    time.Time
	components []*component // in the order of the checks
	draining   atomic.Bool
	becoming   sync.Once
	ready      func() // nil: nobody asked

	runs          atomic.Int64 // results so far, of all components
	public, whole atomic.Pointer[encoding]
}

// New returns the health of the given components. Nothing runs before Run: until
// then the container is not ready.
func New(o Options, checks ...Check) *Health {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &Health{options: o, started: time.Now()}
	for _, c := range checks {
		h.components = append(h.components, &component{Check: c.withDefaults(), first: make(chan struct{}), after: h.changed})
	}
	return h
}

// Run refreshes all components until ctx ends. It does not wait for a check
// that ignores its context. Those that /ready asks for begin; the others follow once
// these have a first result, so that they do not hold up the start.
func (h *Health) Run(ctx context.Context) {
	var wg sync.WaitGroup
	needed := func(c *component) bool { return c.Ready }
	for _, first := range []bool{true, false} {
		for _, c := range h.components {
			if needed(c) == first {
				wg.Go(func() { c.loop(ctx) }) // until ctx ends
			}
		}
		h.await(ctx, needed)
	}
	wg.Wait()
}

// WhenReady has f called once, when the container is ready for the first time, by the
// goroutine of a check. Call it before Run.
func (h *Health) WhenReady(f func()) { h.ready = f }

// SetDraining makes the container refuse traffic from now on.
func (h *Health) SetDraining() { h.draining.Store(true) }

// readiness reports whether the container takes traffic, and the reason code if it
// does not.
func (h *Health) readiness() (ready bool, reason string) {
	if h.draining.Load() {
		return false, reasonDraining
	}
	for _, c := range h.components {
		if !c.Ready {
			continue
		}
		if r := c.snapshot(); r.reason != "" && !isMild(r.err) {
			return false, r.reason
		}
	}
	return true, ""
}

// changed logs transitions and passes results on.
func (h *Health) changed(c *component, before, now *result) {
	h.runs.Add(1)
	if h.options.Observe != nil {
		h.options.Observe(c.Name, now.status, now.latency)
	}
	if h.ready != nil && c.Ready && now.status == Healthy {
		if ready, _ := h.readiness(); ready {
			h.becoming.Do(h.ready)
		}
	}
	was := Healthy
	if before != nil {
		was = before.status
	}
	switch {
	case was == now.status:
	case now.status == Healthy:
		h.options.Logger.Info("component is well again", "component", c.Name, "was", string(was))
	default:
		h.options.Logger.Warn("component is not well", "component", c.Name, "status", string(now.status), "reason", now.reason, "error", now.err.Error())
	}
}

// margin lets the result of a check that reaches its limit be stored before a
// probe that began with it gives up.
const margin = 50 * time.Millisecond

// await returns when each of the components has a first result, when their
// longest limit has passed, or when ctx ends.
func (h *Health) await(ctx context.Context, of func(*component) bool) {
	var longest time.Duration
	var waiting []*component
	for _, c := range h.components {
		if of(c) && c.last.Load() == nil {
			waiting, longest = append(waiting, c), max(longest, c.Timeout)
		}
	}
	if len(waiting) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, longest+margin)
	defer cancel()
	for _, c := range waiting {
		select {
		case <-c.first:
		case <-ctx.Done():
			return
		}
	}
}
