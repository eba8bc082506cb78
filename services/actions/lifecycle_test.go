package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestReadinessWantsTheSchema(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // the login of the services exists as soon as one database of the server has the schema
	s := launch(t, pgtest.Empty(t))
	r := s.get("/ready")
	if r.status != 503 || !strings.Contains(r.body, `"schema_too_old"`) {
		t.Errorf("ready on an empty database: %d %s; want 503 schema_too_old", r.status, r.body)
	}
	if live := s.get("/live"); live.status != 200 {
		t.Errorf("live: %d %s", live.status, live.body)
	}
	if r := s.send(http.MethodPost, "/v1/guests", `{"name":"Ada"}`); r.status < 500 || strings.Contains(r.body, "relation") {
		t.Errorf("guest on an empty database: %d %s", r.status, r.body)
	}
}

func TestASchemaThatIsNewerIsFine(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	if _, err := pg.AdminPool(t).Exec(t.Context(), `INSERT INTO schema_migrations (version, name, sha256, phase, finished_at) VALUES (999, 'later', '', 'expand', now())`); err != nil {
		t.Fatal(err)
	}
	launch(t, pg).ready()
}

func TestOneFunctionAlone(t *testing.T) {
	t.Parallel()
	all, pg := begin(t)
	ada := all.guest("Ada")
	bets := launch(t, pg, "FUNCTION_TARGET=bets")
	alone := &player{bets, ada.ID, ada.Name, ada.token}
	if r := alone.send(http.MethodPost, "/", betBody(100), "Idempotency-Key", "k"); r.status != 201 {
		t.Errorf("bet at /: %d %s", r.status, r.body)
	}
	if r := alone.bet("k", 100); r.status != 201 || r.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("bet at its path: %d %s", r.status, r.body)
	}
	if r := alone.send(http.MethodGet, "/v1/me", ""); r.status != 405 {
		t.Errorf("another function's path: %d %s; want the refusal of bets", r.status, r.body)
	}
	if r := bets.get("/health"); r.status != 200 {
		t.Errorf("health: %d %s", r.status, r.body)
	}
	rounds := launch(t, pg, "FUNCTION_TARGET=round")
	var a answer
	ada.bet("k", 100).into(t, &a)
	if r := (&player{rounds, ada.ID, ada.Name, ada.token}).send(http.MethodGet, "/"+a.Round.ID, ""); r.status != 200 {
		t.Errorf("round at /: %d %s", r.status, r.body)
	}
}

func TestWrongConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	good := map[string]string{"DATABASE_URL": "postgres://u:secret@127.0.0.1:1/db", "TOKEN_SIGNING_KEY": string(signingKey()), "LOCAL_ONLY": "1", "PORT": "0"}
	for _, test := range []struct{ name, value, want string }{
		{"DATABASE_URL", "", "DATABASE_URL"},
		{"TOKEN_SIGNING_KEY", "", "TOKEN_SIGNING_KEY"},
		{"TOKEN_SIGNING_KEY", `{"kty":"RSA"}`, "signing key"},
		{"FUNCTION_TARGET", "roulette", "FUNCTION_TARGET"},
		{"PORT", "http", "Port"},
		{"TOKEN_TTL", "0s", "TOKEN_TTL"},
		{"REDIS_URL", "localhost", "REDIS_URL"},
		{"MAX_DB_CONNECTIONS", "-1", "MAX_DB_CONNECTIONS"},
	} {
		env := func(name string) string {
			if name == test.name {
				return test.value
			}
			return good[name]
		}
		err := run(t.Context(), env, func(string, func(http.ResponseWriter, *http.Request)) {})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s=%q: error = %v; want one that names %s", test.name, test.value, err, test.want)
		}
	}
}

func TestFunctionsAreAnnouncedToTheFramework(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATABASE_URL": "postgres://u@127.0.0.1:1/db", "TOKEN_SIGNING_KEY": string(signingKey()), "LOCAL_ONLY": "1", "PORT": "-1"}
	var names []string
	err := run(t.Context(), func(name string) string { return env[name] }, func(name string, f func(http.ResponseWriter, *http.Request)) { names = append(names, name) })
	if err == nil {
		t.Error("it listens on port -1")
	}
	slices.Sort(names)
	if got, want := strings.Join(names, " "), "activity bets docs games guests jackpot leaderboard limits me openapi problem problems round round-actions round-bundle rounds rounds-finish seeds self-exclusion table table-advance tables time-out tournament tournament-entries tournaments"; got != want {
		t.Errorf("announced %s; want %s", got, want)
	}
}

// Requests that are under way at SIGTERM are answered, later ones refused, and
// nothing that was answered is lost.
func TestSIGTERMFinishesWhatWasBegun(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	var players []*player
	for i := range 4 {
		players = append(players, s.guest(fmt.Sprint("player ", i)))
	}
	var acked atomic.Int64
	var stopped atomic.Bool
	var wg sync.WaitGroup
	for _, p := range players {
		wg.Go(func() {
			for i := 0; ; i++ {
				r := p.bet(fmt.Sprint("k", i), 1)
				switch {
				case r.status == 201:
					acked.Add(1)
				case r.status == 0 && stopped.Load(): // refused: the listener is closed
					return
				default:
					t.Errorf("bet: %d %s", r.status, r.body)
					return
				}
			}
		})
	}
	eventually(t, "some bets", func() bool { return acked.Load() > 20 })
	stopped.Store(true)
	code, took := s.terminate()
	wg.Wait()
	if code != 0 || took > 8*time.Second {
		t.Errorf("exit code %d after %s; want 0 in less than 8 s", code, took)
	}
	if n := count(t, pg, `SELECT count(*) FROM rounds`); int64(n) != acked.Load() {
		t.Errorf("%d rounds, %d answers", n, acked.Load())
	}
	sound(t, pg)
}

// Who never finishes a request does not hold up the end.
func TestSIGTERMDoesNotWaitForASlowCaller(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/guests HTTP/1.1\r\nHost: casino\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	inside := &service{t: t, url: s.internal}
	eventually(t, "request under way", func() bool { return strings.Contains(inside.get("/metrics").body, "http_requests_in_flight 1") })
	if code, took := s.terminate(); code != 0 || took > 8*time.Second {
		t.Errorf("exit code %d after %s; want 0 in less than 8 s", code, took)
	}
}

// A container that dies in the middle leaves no half transactions: a retry with the
// same key, at another container, gives each player one round per key.
func TestKillInTheMiddleOfBets(t *testing.T) {
	t.Parallel()
	first, pg := begin(t)
	second := launch(t, pg)
	second.ready()
	var wg sync.WaitGroup
	var sent atomic.Int64
	const each = 40
	for i := range 4 {
		ada := first.guest(fmt.Sprint("player ", i))
		wg.Go(func() {
			for k := range each {
				sent.Add(1)
				key := fmt.Sprint("k", k)
				for s := first; ; s = second {
					if r := (&player{s, ada.ID, ada.Name, ada.token}).bet(key, 10); r.status == 201 {
						break
					} else if r.status != 0 && r.status != 503 {
						t.Errorf("bet: %d %s", r.status, r.body)
						return
					}
				}
			}
		})
	}
	eventually(t, "some bets", func() bool { return sent.Load() > 30 })
	first.kill()
	wg.Wait()
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != 4*each {
		t.Errorf("%d rounds; want %d", n, 4*each)
	}
	sound(t, pg)
}

func TestTheInternalListenerShowsFigures(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	s.guest("Ada").bet("k", 1)
	inside := &service{t: t, url: s.internal}
	metrics := inside.get("/metrics")
	for _, name := range []string{"database_pool_size 8", "startup_time ", "database_latency_p50", "health_check_latency", `http_request_duration_seconds_count{method="POST",route="/v1/bets",status="2xx"} 1`} {
		if !strings.Contains(metrics.body, name) {
			t.Errorf("metrics: no %s", name)
		}
	}
	var public struct {
		Status     string
		Components map[string]struct {
			Status  string
			Details map[string]any
		}
	}
	body := s.get("/health")
	if err := json.Unmarshal([]byte(body.body), &public); err != nil {
		t.Fatal(err)
	}
	if public.Components["database"].Details["poolSize"] != float64(8) || public.Components["schema"].Status != "healthy" {
		t.Errorf("health: %s", body.body)
	}
	if strings.Contains(body.body, "127.0.0.1") {
		t.Errorf("health shows a host: %s", body.body)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		if r := s.get(path); r.status != 404 {
			t.Errorf("public %s: %d", path, r.status)
		}
	}
}
