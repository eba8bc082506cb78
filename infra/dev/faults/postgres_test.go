package faults

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// Fault 8: the backends of the actions service are killed, all at once.
func TestKilledBackendsCostNoBet(t *testing.T) {
	t.Parallel()
	const bound = 1500 * time.Millisecond
	p := platform.Start(t, stack.Options{})
	admin := p.Database.AdminPool(t)
	crowd := platform.NewCrowd(t, p.Service("actions").URL, 4)
	stop := crowd.Run("k")
	crowd.More(20)
	began, killed := time.Now(), int64(0)
	for range times(3) {
		var n int64
		err := admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'actions'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		killed += n
		crowd.More(20)
	}
	stop()
	gap := crowd.Gap(began)
	report := judge(t, p, crowd)
	refused, unheard := crowd.Refused()
	t.Logf("%d backends killed: longest time without an answer %s, refused %v, lost %d of %d", killed, ms(gap), refused, len(report.Lost), len(crowd.Acked()))
	within(t, "the gap", gap, bound)
	if killed == 0 || unheard > 0 {
		t.Errorf("%d backends killed, %d requests without an answer", killed, unheard)
	}
}

// Fault 14: the outcome of a COMMIT is unknown to the service, or that of a bet to its
// player.
func TestACommitOfUnknownOutcomeIsNeverDoubled(t *testing.T) {
	t.Parallel()
	bets := int64(120)
	if os.Getenv("VEGAS_SOAK") != "" {
		bets = 1_000
	}
	db := pgtest.New(t)
	line, address := newCutter(t, db.URL, func() cut {
		if rand.IntN(3) == 0 {
			return cut(rand.IntN(3))
		}
		return whole
	})
	p := platform.Start(t, stack.Options{
		DatabaseURL: db.URL, DirectURL: db.DirectURL,
		Env: map[string]map[string]string{"actions": {"DATABASE_URL": address}},
	})
	crowd := platform.NewCrowd(t, p.Service("actions").URL, 4)
	crowd.Impatient = true
	stop := crowd.Run("k")
	crowd.More(bets)
	stop()
	report := judge(t, p, crowd)
	cuts := line.cuts[unsent].Load() + line.cuts[unseen].Load() + line.cuts[unanswered].Load()
	refused, unheard := crowd.Refused()
	t.Logf("%d of %d commits cut (%d not sent, %d in flight, %d without answer), players hung up %d times, refused %v: lost %d, doubled %d of %d",
		cuts, line.seen.Load(), line.cuts[unsent].Load(), line.cuts[unseen].Load(), line.cuts[unanswered].Load(), unheard, refused,
		len(report.Lost), report.Unasked, len(crowd.Acked()))
	if cuts < bets/10 {
		t.Errorf("only %d commits were cut", cuts)
	}
}
