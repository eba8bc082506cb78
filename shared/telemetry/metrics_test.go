package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/shared/health"
)

func TestP50(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	q := NewQuantile()
	q.now = func() time.Time { return now }
	check := func(name string, want float64) {
		t.Helper()
		if got := q.P50(); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s: P50 = %v, want %v", name, got, want)
		}
	}
	check("nothing", math.NaN())
	q.Observe(15 * time.Millisecond)
	check("one", 15)
	q.Observe(500 * time.Microsecond)
	check("lower of two", 0.5)
	q.Observe(time.Second)
	check("middle of three", 15)
	now = now.Add(window)
	check("all too old", math.NaN())
	for range samples {
		q.Observe(time.Second)
	}
	for range samples {
		q.Observe(time.Millisecond)
	}
	check("only the latest count", 1)
}

func TestP50UnderConcurrency(t *testing.T) {
	t.Parallel()
	q := NewQuantile()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				q.Observe(2 * time.Millisecond)
				q.P50()
			}
		})
	}
	wg.Wait()
	if got := q.P50(); got != 2 {
		t.Errorf("P50 = %v, want 2", got)
	}
}

// scrape returns the value of each series by its name and labels.
func scrape(t *testing.T, h http.Handler) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("GET /metrics = %d", w.Code)
	}
	series := make(map[string]string)
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && name != "#" {
			series[name] = value
		}
	}
	return series
}

func TestMetricsHaveTheSeedsNames(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.Latency("redis").Observe(15 * time.Millisecond)
	m.Latency("database")
	m.Read("socketio_cluster_size", "Containers.", func() float64 { return 3 })
	m.ObserveHealth("redis", health.Degraded, 60*time.Millisecond)
	m.ObserveHealth("database", health.Healthy, 45*time.Millisecond)
	h := Internal(m.Registry, health.New(health.Options{}))
	if got := scrape(t, h)["startup_time"]; got != "0" {
		t.Errorf("startup_time before the start = %q, want 0", got)
	}
	took := m.Started()
	m.Started()
	got := scrape(t, h)
	for name, want := range map[string]string{
		"redis_latency_p50":     "15",
		"database_latency_p50":  "NaN",
		"socketio_cluster_size": "3",
		"health_check_latency":  "60",

		"redis_latency_seconds_count":                              "1",
		`redis_latency_seconds_bucket{le="0.01"}`:                  "0",
		`redis_latency_seconds_bucket{le="0.025"}`:                 "1",
		`health_check_status{component="redis",status="degraded"}`: "1",
		`health_check_status{component="redis",status="healthy"}`:  "0",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "startup_time"} {
		if got[name] == "" || got[name] == "0" {
			t.Errorf("%s = %q", name, got[name])
		}
	}
	if took <= 0 {
		t.Errorf("Started = %s", took)
	}
}

func TestInternalListener(t *testing.T) {
	t.Parallel()
	var out lines
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	h := Internal(prometheus.NewRegistry(), health.New(health.Options{Version: "5.0.0"}))
	go func() { done <- ServeInternal(ctx, "127.0.0.1:0", h, Logger(&out, "actions", true)) }()
	addr := out.find(t, regexp.MustCompile(`"addr":"(127\.0\.0\.1:\d+)"`))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{
		"/live": `"live":true`, "/ready": `"ready":true`, "/health": `"version":"5.0.0"`, "/metrics": "promhttp_metric_handler_errors_total",
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		resp, err := client.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			t.Errorf("GET %s = %d, %v, without %q", path, resp.StatusCode, err, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestInternalListenerReportsATakenAddress(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	err := ServeInternal(context.Background(), taken.Listener.Addr().String(), http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "internal listener") {
		t.Errorf("got %v", err)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// find polls for a match and returns its first group.
func (l *lines) find(t *testing.T, want *regexp.Regexp) string {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		match := want.FindStringSubmatch(l.buf.String())
		l.mu.Unlock()
		if match != nil {
			return match[1]
		}
		select {
		case <-deadline:
			t.Fatalf("no %s in the log", want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
