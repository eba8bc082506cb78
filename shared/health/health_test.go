package health

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errDown = errors.New("dial tcp 10.0.0.7:6379: connection refused")

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// start runs h inside a synctest bubble until the test ends, and waits for the
// first results.
func start(t *testing.T, o Options, checks ...Check) *Health {
	t.Helper()
	o.Logger = quiet()
	h := New(o, checks...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return h
}

func get(h http.Handler) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Code, w.Body.String()
}

func ok(context.Context) error { return nil }

func TestHealthHasTheSeedsShape(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(d time.Duration) func(context.Context) error {
			return func(context.Context) error { <-time.After(d); return nil }
		}
		h := start(t, Options{Version: "5.0.0"},
			Check{Name: "redis", Run: slow(15 * time.Millisecond), Every: 10 * time.Minute},
			Check{Name: "database", Run: slow(45 * time.Millisecond), Critical: true, Ready: true, Every: 10 * time.Minute,
				Details: func() map[string]any { return map[string]any{"poolSize": 51, "host": "10.0.0.5"} }},
			Check{Name: "socketio", Local: true, Every: 10 * time.Minute, Details: func() map[string]any { return map[string]any{"containers": 3, "sockets": 127} }},
		)
		<-time.After(time.Second)
		status, body := get(h.Health())
		want := `{"status":"healthy","version":"5.0.0","uptime":1,"components":{` +
			`"database":{"status":"healthy","latency":45,"age":955,"details":{"poolSize":51}},` +
			`"redis":{"status":"healthy","latency":15,"age":940},` +
			`"socketio":{"status":"healthy","age":955,"details":{"containers":3,"sockets":127}}}}`
		if diff := cmp.Diff(want, body); diff != "" || status != 200 {
			t.Errorf("GET /health = %d (-want +got):\n%s", status, diff)
		}
		if status, body := get(h.Ready()); status != 200 || body != `{"ready":true,"uptime":1}` {
			t.Errorf("GET /ready = %d %s", status, body)
		}
		if status, body := get(h.Live()); status != 200 || body != `{"live":true,"uptime":1}` {
			t.Errorf("GET /live = %d %s", status, body)
		}
	})
}

func TestTheWorstComponentDecides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		redis, data error
		want        Status
		code        int
	}{
		{"all well", nil, nil, Healthy, 200},
		{"comfort missing", errDown, nil, Degraded, 200},
		{"critical missing", nil, errDown, Unhealthy, 503},
		{"both", errDown, errDown, Unhealthy, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := start(t, Options{},
					Check{Name: "redis", Run: func(context.Context) error { return tt.redis }},
					Check{Name: "database", Critical: true, Run: func(context.Context) error { return tt.data }})
				status, body := get(h.Health())
				var d Document
				if err := json.Unmarshal([]byte(body), &d); err != nil {
					t.Fatal(err)
				}
				if status != tt.code || d.Status != tt.want {
					t.Errorf("GET /health = %d %s, want %d %s", status, d.Status, tt.code, tt.want)
				}
			})
		})
	}
}

func TestPublicAnswerHidesHostsAndTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, Options{}, Check{Name: "redis", Run: func(context.Context) error { return errDown },
			Details: func() map[string]any {
				return map[string]any{"host": "10.0.0.7", "up": false, "pool": map[string]any{"size": 3, "user": "10.0.0.8"}, "peers": []string{"10.0.0.9"}}
			}})
		_, public := get(h.Health())
		if strings.Contains(public, "10.0.0") || !strings.Contains(public, `"reason":"redis_unavailable"`) {
			t.Errorf("public answer: %s", public)
		}
		if want := `"details":{"pool":{"size":3},"up":false}`; !strings.Contains(public, want) {
			t.Errorf("public answer %s lacks %s", public, want)
		}
		_, detail := get(h.Detail())
		for _, want := range []string{"10.0.0.7:6379: connection refused", `"user":"10.0.0.8"`} {
			if !strings.Contains(detail, want) {
				t.Errorf("internal answer %s lacks %s", detail, want)
			}
		}
	})
}

func TestTheTokenOpensTheDetails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail := Check{Name: "redis", Run: func(context.Context) error { return errDown }}
		guarded, open := start(t, Options{Token: "correct horse"}, fail), start(t, Options{}, fail)
		for _, test := range []struct {
			name, header string
			h            *Health
			want         bool
		}{
			{"no header", "", guarded, false},
			{"the token", "Bearer correct horse", guarded, true},
			{"a wrong one", "Bearer correct mule", guarded, false},
			{"its beginning", "Bearer correct", guarded, false},
			{"another scheme", "Basic correct horse", guarded, false},
			{"none is set", "Bearer ", open, false},
		} {
			r := httptest.NewRequest(http.MethodGet, "/health", nil)
			r.Header.Set("Authorization", test.header)
			w := httptest.NewRecorder()
			test.h.Health().ServeHTTP(w, r)
			if got := strings.Contains(w.Body.String(), "10.0.0.7"); got != test.want || w.Code != http.StatusOK {
				t.Errorf("%s: details %t with %d, want %t", test.name, got, w.Code, test.want)
			}
		}
	})
}

func TestReadinessNamesItsReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Pointer[error]
		set := func(err error) { fail.Store(&err) }
		set(nil)
		h := start(t, Options{},
			Check{Name: "redis", Run: func(context.Context) error { return errDown }},
			Check{Name: "schema", Ready: true, Run: func(context.Context) error { return *fail.Load() }})
		check := func(code int, want string) {
			t.Helper()
			<-time.After(6 * time.Second) // the next run
			if status, body := get(h.Ready()); status != code || !strings.Contains(body, want) {
				t.Errorf("GET /ready = %d %s, want %d with %s", status, body, code, want)
			}
		}
		check(200, `{"ready":true,"uptime":6}`)
		set(Because("schema_too_old", errors.New("schema 3, want 5")))
		check(503, `{"ready":false,"reason":"schema_too_old","uptime":12}`)
		set(errDown)
		check(503, `"reason":"schema_unavailable"`)
		set(nil)
		check(200, `"ready":true`)
		h.SetDraining()
		check(503, `{"ready":false,"reason":"draining","uptime":30}`)
		if status, _ := get(h.Live()); status != 200 {
			t.Errorf("a draining container is not live: %d", status)
		}
	})
}

// hang returns a check that ignores its context until the test ends, and the
// number of its calls at one time and in all.
func hang(t *testing.T) (run func(context.Context) error, calls *atomic.Int32) {
	release := make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	calls = new(atomic.Int32)
	return func(context.Context) error { calls.Add(1); <-release; return nil }, calls
}

func TestProbesDoNotWaitForAHungDependency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run, calls := hang(t)
		h := start(t, Options{}, Check{Name: "redis", Ready: true, Run: run, Timeout: time.Second, Every: 5 * time.Second})

		// Before the first result a probe waits, but no longer than the limit.
		began := time.Now()
		if status, body := get(h.Ready()); status != 503 || !strings.Contains(body, `"redis_timeout"`) {
			t.Errorf("first probe: %d %s", status, body)
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("first probe waited %s, want the limit of 1s", waited)
		}

		// From then on none waits at all, for minutes, and nobody else is called.
		for range 10 {
			<-time.After(20 * time.Second)
			began := time.Now()
			var wg sync.WaitGroup
			for range 500 {
				wg.Go(func() {
					if status, body := get(h.Health()); status != 200 || !strings.Contains(body, `"reason":"redis_timeout"`) {
						t.Errorf("probe: %d %s", status, body)
					}
				})
			}
			wg.Wait()
			if waited := time.Since(began); waited != 0 {
				t.Errorf("500 probes waited %s", waited)
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("the hung check was called %d times, want 1 at a time", n)
		}
	})
}

func TestALateAnswerIsATimeoutAndTheNextRunHeals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		h := start(t, Options{}, Check{Name: "database", Critical: true, Timeout: time.Second, Every: 5 * time.Second, Run: func(context.Context) error {
			if first {
				first = false
				<-time.After(1500 * time.Millisecond)
			}
			return nil
		}})
		<-time.After(2 * time.Second)
		if status, body := get(h.Health()); status != 503 || !strings.Contains(body, "database_timeout") {
			t.Errorf("after a late answer: %d %s", status, body)
		}
		<-time.After(6 * time.Second)
		if status, _ := get(h.Health()); status != 200 {
			t.Errorf("after the next run: %d, want 200", status)
		}
	})
}

func TestStaleResultsAreUnhealthy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Logger: quiet()}, Check{Name: "redis", Run: ok, Every: 5 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { h.Run(ctx); close(done) }()
		synctest.Wait()
		cancel() // nobody refreshes any more
		<-done
		<-time.After(15 * time.Second)
		if status, body := get(h.Health()); status != 200 {
			t.Errorf("three periods old: %d %s, want 200", status, body)
		}
		<-time.After(time.Second)
		if status, body := get(h.Health()); status != 503 || !strings.Contains(body, "redis_stale") {
			t.Errorf("older than three periods: %d %s, want 503", status, body)
		}
	})
}

func TestNothingIsReadyBeforeRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{Logger: quiet()}, Check{Name: "database", Ready: true, Critical: true, Run: ok, Timeout: time.Second})
		if status, body := get(h.Ready()); status != 503 || !strings.Contains(body, "starting") {
			t.Errorf("GET /ready = %d %s, want 503 starting", status, body)
		}
		if status, _ := get(h.Health()); status != 503 {
			t.Errorf("GET /health = %d, want 503", status)
		}
	})
}

func TestAPanickingCheckIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, Options{}, Check{Name: "redis", Run: func(context.Context) error { panic("boom") }})
		if _, body := get(h.Health()); !strings.Contains(body, `"reason":"redis_panic"`) {
			t.Errorf("answer: %s", body)
		}
	})
}

func TestObserveSeesEveryRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		observe := func(name string, s Status, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, name+" "+string(s)+" "+d.String())
		}
		start(t, Options{Observe: observe}, Check{Name: "redis", Every: 10 * time.Second, Run: func(context.Context) error { <-time.After(3 * time.Millisecond); return nil }})
		<-time.After(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff([]string{"redis healthy 3ms"}, seen); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}

func TestWorst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of   []Status
		want Status
	}{
		{nil, Healthy}, {[]Status{Healthy, Degraded}, Degraded}, {[]Status{Unhealthy, Degraded}, Unhealthy}, {[]Status{"on fire", Healthy}, Unhealthy},
	} {
		if got := Worst(tt.of...); got != tt.want {
			t.Errorf("Worst(%v) = %s, want %s", tt.of, got, tt.want)
		}
	}
}

func TestReadinessIsToldOnceAndTheOthersWaitForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log []string
		fails := 2
		h := New(Options{Logger: slog.New(slog.DiscardHandler)},
			Check{Name: "redis", Every: time.Hour, Run: func(context.Context) error { log = append(log, "redis"); return nil }},
			Check{Name: "schema", Ready: true, Every: time.Second, Run: func(context.Context) error {
				<-time.After(10 * time.Millisecond) // of the test's own clock
				log = append(log, "schema")
				if fails--; fails >= 0 {
					return errors.New("too old")
				}
				return nil
			}})
		h.WhenReady(func() { log = append(log, "ready") })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		h.Run(ctx)
		got := strings.Join(log, " ")
		if want := "schema redis schema schema ready schema"; !strings.HasPrefix(got, want) || strings.Count(got, "ready") != 1 {
			t.Errorf("got %s; want %s ...", got, want)
		}
	})
}
