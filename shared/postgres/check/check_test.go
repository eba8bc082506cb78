package check_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/postgres/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// container is the health of a service with a pool of two connections.
type container struct {
	t  *testing.T
	db *postgres.DB
	h  *health.Health
}

func start(t *testing.T, url string) *container {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := postgres.Open(context.Background(), postgres.Config{URL: url, MaxConns: 2}, log)
	if err != nil {
		t.Fatal(err)
	}
	soon := func(c health.Check) health.Check { c.Every = 50 * time.Millisecond; return c }
	h := health.New(health.Options{Logger: log}, soon(check.Database(db, nil)), soon(check.Schema(db, 5)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }() // ends with the test
	t.Cleanup(func() { cancel(); <-done; db.Close() })
	return &container{t, db, h}
}

// await polls until both probes answer with the statuses and say the texts.
func (c *container) await(health, ready int, texts ...string) {
	c.t.Helper()
	var said string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		one, two := httptest.NewRecorder(), httptest.NewRecorder()
		c.h.Health().ServeHTTP(one, httptest.NewRequest(http.MethodGet, "/health", nil))
		c.h.Ready().ServeHTTP(two, httptest.NewRequest(http.MethodGet, "/ready", nil))
		said = one.Body.String() + two.Body.String()
		met := one.Code == health && two.Code == ready
		for _, text := range texts {
			met = met && strings.Contains(said, text)
		}
		if met {
			return
		}
	}
	c.t.Fatalf("want %d and %d with %q; last: %s", health, ready, texts, said)
}

// take holds every connection of the pool until give is called.
func (c *container) take() (give func()) {
	c.t.Helper()
	var held []interface{ Release() }
	for range c.db.Sizing().Size {
		for {
			conn, err := c.db.Acquire(context.Background())
			if err == nil {
				held = append(held, conn)
				break
			}
			if !errors.Is(err, postgres.ErrBusy) { // a check has it
				c.t.Fatal(err)
			}
		}
	}
	give = sync.OnceFunc(func() {
		for _, conn := range held {
			conn.Release()
		}
	})
	c.t.Cleanup(give) // before the pool is closed
	return give
}

func TestAFullPoolIsDegradedAndReady(t *testing.T) {
	t.Parallel()
	c := start(t, pgtest.New(t).URL)
	c.await(200, 200, `"status":"healthy"`, `"poolSize":2`, `"ready":true`)
	give := c.take()
	c.await(200, 200, `"status":"degraded"`, `"reason":"database_busy"`, `"inUse":2`, `"idle":0`, `"ready":true`)
	give()
	c.await(200, 200, `"database":{"status":"healthy"`, `"ready":true`)
}

// Nobody has seen the schema yet: a full pool is no excuse.
func TestASchemaThatWasNeverSeenIsNotReady(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // the services' login comes with the first migration on a server
	c := start(t, pgtest.Empty(t).URL)
	c.await(503, 503, `"reason":"schema_too_old"`)
	give := c.take()
	c.await(503, 503, `"ready":false,"reason":"database_unavailable"`)
	give()
	c.await(503, 503, `"reason":"schema_too_old"`)
}

func TestAServerThatIsAwayIsUnhealthyAndHeals(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	c := start(t, server.New(t).URL)
	c.await(200, 200)
	server.Kill()
	c.await(503, 503, `"status":"unhealthy"`, `"ready":false,"reason":"database_unavailable"`, `"away":true`)
	server.Start()
	began := time.Now()
	c.await(200, 200, `"away":false`)
	t.Logf("healthy and ready %s after the server was", time.Since(began).Round(time.Millisecond))
}
