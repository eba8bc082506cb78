package health

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// sink is a response that is thrown away.
type sink struct{ header http.Header }

func (s sink) Header() http.Header       { return s.header }
func (sink) WriteHeader(int)             {}
func (sink) Write(b []byte) (int, error) { return io.Discard.Write(b) }

// BenchmarkProbesOfAHungDependency has 500 probes in the handler at once, again and
// again, while a dependency does not answer and ignores its context. An op is one burst;
// p50 and p99 are of single probes.
func BenchmarkProbesOfAHungDependency(b *testing.B) {
	release := make(chan struct{})
	h := New(Options{Logger: quiet()},
		Check{Name: "redis", Timeout: 10 * time.Millisecond, Every: 50 * time.Millisecond, Run: func(context.Context) error { <-release; return nil }},
		Check{Name: "database", Critical: true, Run: ok, Details: func() map[string]any { return map[string]any{"poolSize": 51, "inUse": 3} }},
		System(512))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }() // ends with cancel
	defer func() { close(release); cancel(); <-done }()
	handler := h.Health()
	r := httptest.NewRequest(http.MethodGet, "/health", nil)
	handler.ServeHTTP(sink{http.Header{}}, r) // waits for the first results
	const at = 500
	var all []time.Duration
	for b.Loop() {
		took := make([]time.Duration, at)
		var wg sync.WaitGroup
		for i := range at {
			wg.Go(func() {
				began := time.Now()
				handler.ServeHTTP(sink{http.Header{}}, r)
				took[i] = time.Since(began)
			})
		}
		wg.Wait()
		all = append(all, took...)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}
