package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/redistest"
)

// document is the answer of /health.
type document struct {
	Status     string
	Version    string
	Components map[string]struct {
		Status, Reason, Error string
		Details               map[string]any
	}
}

func (s *service) health(headers ...string) (status int, d document) {
	s.t.Helper()
	r := s.get("/health", headers...)
	r.into(s.t, &d)
	return r.status, d
}

func TestHealthNamesEveryComponent(t *testing.T) {
	t.Parallel()
	_, emulator := facts(t)
	s, _ := begin(t, emulator, "REDIS_URL="+redistest.Server(t).URL, "HEALTH_TOKEN=let me see", "APP_VERSION=5.0.0", "MEMORY_MB=65536") // more than the machine of a test has in use
	s.guest("Ada").bet("k", 1)
	eventually(t, "healthy, with a fact sent", func() bool {
		status, d := s.health()
		return status == 200 && d.Status == "healthy" && d.Components["pubsub"].Details["sent"] == 1.0
	})
	_, d := s.health()
	if d.Version != "5.0.0" {
		t.Errorf("version %q", d.Version)
	}
	for name, figures := range map[string][]string{
		"database": {"poolSize", "inUse", "idle", "waitCount"},
		"redis":    {"poolSize", "inUse", "idle", "waitCount"},
		"outbox":   {"unsent", "oldest_ms"},
		"pubsub":   {"sent", "failing_ms"},
		"schema":   {"minimum"},
		"system":   {"memory", "cpu"},
	} {
		for _, figure := range figures {
			if _, ok := d.Components[name].Details[figure]; !ok {
				t.Errorf("%s: no %s in %v", name, figure, d.Components[name])
			}
		}
	}
	if memory, _ := d.Components["system"].Details["memory"].(map[string]any); memory["total"] != 65536.0 {
		t.Errorf("memory is not that of the container: %v", memory)
	}
	if reason := d.Components["database"].Details["reason"]; reason != nil {
		t.Errorf("the public sees a text: %v", reason)
	}
	if _, d := s.health("Authorization", "Bearer let me see"); d.Components["database"].Details["reason"] == nil {
		t.Error("the token shows no texts")
	}
}

func TestPubSubThatIsAwayDegrades(t *testing.T) {
	t.Parallel()
	s, _ := begin(t) // its Pub/Sub is a closed port
	s.guest("Ada").bet("k", 1)
	eventually(t, "degraded by Pub/Sub", func() bool {
		status, d := s.health()
		return status == 200 && d.Status == "degraded" && d.Components["pubsub"].Reason == "pubsub_unavailable"
	})
	if r := s.get("/ready"); r.status != 200 {
		t.Errorf("ready: %d %s", r.status, r.body)
	}
}

// refusals sends so many bets of different players at once and returns how long each
// took. Every one must be a 503 with the code and Retry-After.
func refusals(t *testing.T, players []*player, key string, codes ...string) (took []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range players {
		wg.Go(func() {
			start := time.Now()
			r := p.bet(key, 1)
			d := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, d)
			if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !slices.Contains(codes, r.code()) {
				t.Errorf("bet: %d %s, Retry-After %q; want 503 %v", r.status, r.body, r.header.Get("Retry-After"), codes)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

// atOnce is what the contract asks for; others is what a busy machine may add.
const (
	atOnce = 250 * time.Millisecond
	others = 3 * time.Second
)

func swift(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	median, last := took[len(took)/2], took[len(took)-1]
	t.Logf("%s: %d refusals, median %s, longest %s; the contract says %s", what, len(took), median.Round(time.Microsecond), last.Round(time.Microsecond), atOnce)
	if last > atOnce+others {
		t.Errorf("%s: a refusal took %s", what, last)
	}
}

// PostgreSQL is away: players are told so at once, the container stays, and heals.
func TestBetsWithoutADatabaseAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	pg := server.New(t)
	s := launch(t, pg)
	s.ready()
	var players []*player
	for i := range 20 {
		players = append(players, s.guest(fmt.Sprint("player ", i)))
	}
	server.Kill()
	swift(t, "right after the end", refusals(t, players, "k1", "unavailable"))
	eventually(t, "unhealthy and not ready", func() bool {
		status, d := s.health()
		r := s.get("/ready")
		return status == 503 && d.Status == "unhealthy" && r.status == 503 && strings.Contains(r.body, "database_unavailable")
	})
	swift(t, "later", refusals(t, players, "k2", "unavailable"))
	if r := s.get("/live"); r.status != 200 {
		t.Errorf("live: %d %s", r.status, r.body)
	}
	server.Start()
	start := time.Now()
	eventually(t, "bets again", func() bool { return players[0].bet("k1", 1).status == 201 })
	bets := time.Since(start)
	s.ready()
	eventually(t, "well again", func() bool { status, _ := s.health(); return status == 200 })
	t.Logf("bets %s after the server was back, healthy and ready after %s", bets.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	sound(t, pg)
}

// Two bets hold both connections: the others are refused at once, nothing queues, and
// the container is degraded and ready.
func TestAUsedUpPoolRefusesAtOnce(t *testing.T) {
	t.Parallel()
	s, pg := begin(t, "MAX_DB_CONNECTIONS=2")
	var players []*player
	for i := range 60 {
		players = append(players, s.guest(fmt.Sprint("player ", i)))
	}
	holder, err := pg.AdminPool(t).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }() // again, if the test has not failed
	if _, err := holder.Exec(t.Context(), `LOCK TABLE ledger_accounts IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	inside := &service{t: t, url: s.internal}
	figures := func() map[string]any { _, d := inside.health(); return d.Components["database"].Details }
	admin := pg.AdminPool(t)
	var held sync.WaitGroup
	for i, p := range players[:2] { // one after the other: together they would share a connection
		held.Go(func() { p.bet("held", 1) }) // until the server's limit for locks
		eventually(t, "the bet waits in the database", func() bool {
			var n int
			err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
				WHERE NOT l.granted AND a.datname = current_database()`).Scan(&n)
			return err == nil && n == i+1
		})
	}
	took := refusals(t, players[2:], "k", "busy")
	swift(t, "pool used up", took)
	held.Wait()
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "bets again", func() bool { return players[0].bet("after", 1).status == 201 })
	eventually(t, "nothing is under way", func() bool {
		return strings.Contains(inside.get("/metrics").body, "http_requests_in_flight 0")
	})
	eventually(t, "refusals are counted, one for each batch", func() bool { n, _ := figures()["refusedCount"].(float64); return n > 0 })
	sound(t, pg)
}
