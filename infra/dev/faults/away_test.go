package faults

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
)

// component is what the health of one service says about one of its parts.
func component(t *testing.T, s *stack.Service, name string) (status, reason string, details map[string]any) {
	t.Helper()
	var document struct {
		Components map[string]struct {
			Status, Reason string
			Details        map[string]any
		}
	}
	platform.Get(t, s.URL+"/health").Into(t, &document)
	c := document.Components[name]
	return c.Status, c.Reason, c.Details
}

// Fault 9: PostgreSQL is killed, and back after a while. Sockets stay and players talk;
// bets are refused at once; everything goes on by itself.
func TestPostgreSQLKilledStopsBetsAlone(t *testing.T) {
	t.Parallel()
	const bound = time.Second
	server := pgtest.Server(t)
	db := server.New(t)
	p := platform.Start(t, stack.Options{DatabaseURL: db.URL, DirectURL: db.DirectURL, NoHeal: true})
	crowd := platform.NewCrowd(t, p.URL, 3)
	one := listen(t, p.Service("realtime-1").URL, crowd.Players[0])
	two := listen(t, p.Service("realtime-2").URL, crowd.Players[1])
	across(t, one, two)
	stop := crowd.Run("k")
	var gaps, healths []time.Duration
	for range times(1) {
		crowd.More(10)
		server.Kill()
		platform.Await(t, "health says unhealthy", func() bool { return status(t, p) == "unhealthy" })
		for _, name := range []string{"realtime-1", "realtime-2"} {
			for _, path := range []string{"/health", "/ready", "/live"} {
				if a := platform.Get(t, p.Service(name).URL+path); a.Status != http.StatusOK {
					t.Errorf("%s%s without PostgreSQL: %d %s", name, path, a.Status, a.Body)
				}
			}
		}
		for _, name := range []string{"actions", "events"} {
			platform.Await(t, name+" is not ready and says why", func() bool {
				a := platform.Get(t, p.Service(name).URL+"/ready")
				return a.Status == http.StatusServiceUnavailable && strings.Contains(string(a.Body), `"database_unavailable"`)
			})
		}
		across(t, one, two)
		server.Start()
		began := time.Now()
		crowd.More(1)
		gaps = append(gaps, time.Since(began))
		platform.Await(t, "health says healthy", func() bool { return status(t, p) == "healthy" })
		healths = append(healths, time.Since(began))
	}
	stop()
	judge(t, p, crowd)
	one.stays()
	two.stays()
	refused, unheard := crowd.Refused()
	t.Logf("PostgreSQL killed %d times: bets within %s after it was back, healthy within %s; refused %v, %d without an answer", len(gaps), longest(gaps), longest(healths), refused, unheard)
	within(t, "the way back", slices.Max(gaps), bound)
	for what := range refused {
		if what != "503 unavailable" && what != "503 busy" {
			t.Errorf("refused with %s", what)
		}
	}
	if refused["503 unavailable"] == 0 || unheard > 0 {
		t.Errorf("refused %v, %d without an answer", refused, unheard)
	}
}

// The services go through PgBouncer in transaction mode, with fewer connections than
// they would have; the migration job goes past it, and would refuse to go through it.
func TestThePlatformPlaysThroughPgBouncer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	through := bouncer.Start(t, db.URL, 3)
	p := platform.Start(t, stack.Options{DatabaseURL: through, DirectURL: db.DirectURL})
	crowd := platform.NewCrowd(t, p.URL, 8)
	ear := listen(t, p.Service("realtime-1").URL, crowd.Players[0])
	stop := crowd.Run("k")
	crowd.More(200)
	stop()
	judge(t, p, crowd)
	for _, name := range []string{"actions", "events"} {
		status, reason, details := component(t, p.Service(name), "database")
		if status != "healthy" || details["pooler"] != true {
			t.Errorf("%s: database %s %s, %v; want a pooler", name, status, reason, details)
		}
	}
	if lost, doubled := ear.count(crowd.Acked()); lost+doubled > 0 {
		t.Errorf("of %d rounds a socket did not hear of %d and twice of %d", len(crowd.Acked()), lost, doubled)
	}
	if refused, unheard := crowd.Refused(); unheard > 0 {
		t.Errorf("refused %v, %d without an answer", refused, unheard)
	}
}
