package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/pgtest"
)

func ready(t *testing.T, p *process) (bool, string) {
	t.Helper()
	status, body := get(t, p.url+"/ready")
	var doc struct {
		Ready  bool   `json:"ready"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal([]byte(body), &doc); status != 0 && err != nil {
		t.Fatalf("/ready answered %q: %v", body, err)
	}
	return status == http.StatusOK && doc.Ready, doc.Reason
}

func TestReadinessWaitsForTheSchema(t *testing.T) {
	t.Parallel()
	old := pgtest.New(t) // first: the services' login comes with the first migration on a server
	_, p := start(t, pgtest.Empty(t).URL)
	if ok, reason := ready(t, p); ok || reason != "schema_too_old" {
		t.Errorf("ready = %v, %q on a database without migrations; want schema_too_old", ok, reason)
	}
	if status, _ := get(t, p.url+"/live"); status != http.StatusOK {
		t.Errorf("/live = %d; want 200", status)
	}

	if _, err := old.DirectPool(t).Exec(t.Context(), "DELETE FROM schema_migrations WHERE version = $1", minSchema); err != nil {
		t.Fatal(err)
	}
	_, p = start(t, old.URL)
	if ok, reason := ready(t, p); ok || reason != "schema_too_old" {
		t.Errorf("ready = %v, %q on schema %d; want schema_too_old", ok, reason, minSchema-1)
	}
	if _, err := old.DirectPool(t).Exec(t.Context(), "INSERT INTO schema_migrations (version, name, sha256, phase, finished_at) VALUES ($1, 'x', 'x', 'expand', now()), (999, 'later', 'x', 'expand', now())", minSchema); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready on a newer schema", func() bool { ok, _ := ready(t, p); return ok })
}

func TestStartsWithoutADatabaseAndHeals(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	db := server.New(t)
	server.Stop()
	s, p := start(t, db.URL)
	token, body := s.token(nil), settled(t, uuid.New(), "Ada", 100, 200, noon)
	if status, code := s.post(p.url+"/push/leaderboard", token, body); status != http.StatusServiceUnavailable {
		t.Errorf("a delivery without a database = %d %s; want 503", status, code)
	}
	for range failures {
		s.post(p.url+"/push/leaderboard", token, body)
	}
	eventually(t, "health tells of failing deliveries", func() bool {
		status, text := get(t, p.url+"/health")
		return status == http.StatusServiceUnavailable && strings.Contains(text, `"reason":"deliveries_failing"`)
	})
	if ok, reason := ready(t, p); ok || !strings.HasPrefix(reason, "database_") {
		t.Errorf("ready = %v, %q without a database; want a reason", ok, reason)
	}
	server.Start()
	eventually(t, "the delivery is taken after the database is back", func() bool {
		status, _ := s.post(p.url+"/push/leaderboard", token, body)
		return status == http.StatusNoContent
	})
	eventually(t, "ready again", func() bool { ok, _ := ready(t, p); return ok })
	eventually(t, "healthy, with the delivery counted", func() bool {
		status, text := get(t, p.url+"/health")
		return status == http.StatusOK && strings.Contains(text, `"status":"healthy","version"`) && strings.Contains(text, `"handled":1`) && strings.Contains(text, `"poolSize":`)
	})
	if got := standings(t, db.Pool(t))["Ada"]; got != [2]int64{1, 100} {
		t.Errorf("board = %v; want one round", got)
	}
}

// Deliveries go on while the container is told to end: each is answered 2xx or was not
// taken at all: refused, or reset because the kernel had taken the connection and the
// server had not yet. Each answered one has its effect, and no other has.
func TestSIGTERMDropsNoDelivery(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	token := s.token(nil)
	var sent, taken, broken atomic.Int64
	ended := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				status, text := s.post(p.url+"/push/leaderboard", token, settled(t, uuid.New(), "Ada", 100, 0, noon))
				switch {
				case status == http.StatusNoContent:
					taken.Add(1)
				case strings.Contains(text, "connection refused"), strings.Contains(text, "connection reset by peer"):
					return
				default:
					broken.Add(1)
					t.Errorf("a delivery during the end = %d %s; want 204 or a refused connection", status, text)
				}
				sent.Add(1)
			}
		})
	}
	eventually(t, "deliveries flow", func() bool { return taken.Load() > 50 })
	code, took := p.terminate()
	close(ended)
	wg.Wait()
	if code != 0 || took > 8*time.Second {
		t.Errorf("ended with code %d in %s; want 0 within 8 s", code, took)
	}
	t.Logf("%d deliveries taken, %d broken; ended in %s", taken.Load(), broken.Load(), took.Round(time.Millisecond))
	var rounds int64
	if err := db.Pool(t).QueryRow(t.Context(), "SELECT coalesce(sum(rounds), 0) FROM leaderboard_daily").Scan(&rounds); err != nil || rounds != taken.Load() {
		t.Errorf("%d rounds on the board, %d deliveries were taken, %v", rounds, taken.Load(), err)
	}
}

// A delivery that is being handled when SIGTERM comes is finished.
func TestSIGTERMWaitsForTheDeliveryUnderWay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	eventually(t, "ready", func() bool { ok, _ := ready(t, p); return ok })
	block, err := db.DirectPool(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := block.Exec(t.Context(), "LOCK TABLE leaderboard_daily IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	admin, answered := db.AdminPool(t), make(chan int, 1)
	go func() { // ends with the answer
		status, _ := s.post(p.url+"/push/leaderboard", s.token(nil), settled(t, uuid.New(), "Ada", 100, 200, noon))
		answered <- status
	}()
	eventually(t, "the delivery waits in the database", func() bool {
		var waiting bool
		err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND datname = $1)", db.Name).Scan(&waiting)
		return err == nil && waiting
	})
	done := make(chan int, 1)
	go func() { // ends with the process
		code, _ := p.terminate()
		done <- code
	}()
	eventually(t, "new connections are refused", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if status, body := get(t, p.internal+"/ready"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"draining"`) {
		t.Errorf("/ready while draining = %d %s; want 503 draining", status, body)
	}
	if err := block.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, code := <-answered, <-done; status != http.StatusNoContent || code != 0 {
		t.Errorf("answer = %d, exit code = %d; want 204 and 0", status, code)
	}
}

func TestFunctionTargetServesOneFunction(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := newSender(t)
	p := launch(t, append(s.env, "DATABASE_URL="+db.URL, "FUNCTION_TARGET=leaderboard")...)
	for i, path := range []string{"/", "/push/leaderboard"} {
		if status, code := s.post(p.url+path, s.token(nil), settled(t, uuid.New(), fmt.Sprint(i), 1, 0, noon)); status != http.StatusNoContent {
			t.Errorf("POST %s = %d %s; want 204", path, status, code)
		}
	}
	if status, code := s.post(p.url+"/push/other", s.token(nil), nil); status != http.StatusNotFound || code != "not_found" {
		t.Errorf("POST /push/other = %d %s; want 404 not_found", status, code)
	}
	if status, body := get(t, p.url+"/push/leaderboard"); status != http.StatusMethodNotAllowed || !strings.Contains(body, "method_not_allowed") {
		t.Errorf("GET /push/leaderboard = %d %s; want 405", status, body)
	}
	if status, body := get(t, p.url+"/health"); status != http.StatusOK || strings.Contains(body, "127.0.0.1") {
		t.Errorf("/health = %d %s; want 200 without hosts", status, body)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if status, _ := get(t, p.url+path); status != http.StatusNotFound {
			t.Errorf("%s in public = %d; want 404", path, status)
		}
	}
}

func TestConfigurationErrorsNameTheVariable(t *testing.T) {
	t.Parallel()
	good := map[string]string{"PUSH_AUDIENCE": "a", "PUSH_EMAIL": "e", "DATABASE_URL": "postgres://u@127.0.0.1:1/db", "PORT": "0", "LOCAL_ONLY": "true", "LOG_LEVEL": "ERROR"}
	for changed, value := range map[string]string{
		"PORT": "http", "PUSH_AUDIENCE": "", "DATABASE_URL": "", "FUNCTION_TARGET": "elsewhere", "PUSH_JWKS_FILE": "/nowhere", "DB_QUERY_MODE": "fast",
	} {
		err := run(t.Context(), func(name string) string {
			if name == changed {
				return value
			}
			return good[name]
		}, func(string, http.HandlerFunc) {})
		if err == nil || !strings.Contains(err.Error(), changed) && !strings.Contains(strings.ToUpper(err.Error()), changed) {
			t.Errorf("%s=%q: error = %v; want one that names the variable", changed, value, err)
		}
	}
}
