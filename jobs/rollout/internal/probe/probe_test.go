package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// revision answers /ready and /health; bad says which probes, counted from 1, fail.
func revision(t *testing.T, health string, bad func(n int64) bool) string {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ready" && bad != nil && bad(n.Add(1)) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"ready":false,"reason":"schema"}`)
			return
		}
		fmt.Fprint(w, health)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const healthy = `{"status":"healthy","version":"v1"}`

func TestSmokeWaitsForAReadyRevisionOfTheRightVersion(t *testing.T) {
	t.Parallel()
	never := func(int64) bool { return true }
	for _, c := range []struct {
		name, health string
		bad          func(int64) bool
		want         error
	}{
		{"ready at once", healthy, nil, nil},
		{"ready later", healthy, func(n int64) bool { return n < 4 }, nil},
		{"never ready", healthy, never, ErrNotReady},
		{"degraded", `{"status":"degraded","version":"v1"}`, nil, nil},
		{"unhealthy", `{"status":"unhealthy","version":"v1"}`, nil, ErrUnhealthy},
		{"another version", `{"status":"healthy","version":"v0"}`, nil, ErrUnhealthy},
		{"no document", `<html>`, nil, ErrUnhealthy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Minute
			if errors.Is(c.want, ErrNotReady) {
				start = 300 * time.Millisecond // it is waited for
			}
			p := &Prober{Client: http.DefaultClient, Every: time.Millisecond, Start: start, Commit: "v1"}
			if err := p.Smoke(t.Context(), "s", revision(t, c.health, c.bad)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestWatchForgivesOneBadProbeOfTen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		bad  func(int64) bool
		fine bool
	}{
		{"none bad", nil, true},
		{"one bad", func(n int64) bool { return n == 5 }, true},
		{"three of twenty bad", func(n int64) bool { return n%6 == 3 }, false},
		{"two in a row bad", func(n int64) bool { return n == 5 || n == 6 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &Prober{Client: http.DefaultClient, Every: time.Millisecond}
			if err := p.Watch(t.Context(), "s", revision(t, healthy, c.bad), 20*time.Millisecond); (err == nil) != c.fine {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Prober{Client: http.DefaultClient}).Watch(ctx, "s", "http://127.0.0.1:1", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
