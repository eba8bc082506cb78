package chaos_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/infra/dev/faults/chaos"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soak says whether the long forms are wanted.
func soak() bool { return os.Getenv("VEGAS_SOAK") != "" }

// everybody plays dice, but for some, who play rounds of many steps.
func everybody(n int) chaos.Habit {
	switch n % 8 {
	case 3:
		return chaos.Mines()
	case 5:
		return chaos.Slots()
	case 7:
		return chaos.Blackjack()
	}
	return chaos.Dice()
}

// Faults 8, 9, 14, 15 and 16 at once: containers, sessions of PostgreSQL and PostgreSQL
// itself are killed while everybody plays.
func TestNothingIsLostOrDoubledWhileProcessesAreKilled(t *testing.T) {
	t.Parallel()
	orders, between, limit := 20_000, 4*time.Second, 45*time.Second // of a busy machine: fewer orders then
	if soak() {
		orders, between, limit = 1_000_000, 20*time.Second, 150*time.Minute
	}
	floor := chaos.Open(t, 2)
	ear := floor.Listen(t)
	crowd := floor.Crowd(t, 48, everybody)
	crowd.Hasty = 0.01
	began := time.Now()
	crowd.Play(t, orders)
	defer time.AfterFunc(limit, crowd.Stop).Stop()
	storm := floor.Storm(crowd, between,
		chaos.Strike{Name: "container", Do: floor.KillContainer},
		chaos.Strike{Name: "session of PostgreSQL", Do: floor.KillBackend},
		chaos.Strike{Name: "container", Do: floor.KillContainer},
		chaos.Strike{Name: "PostgreSQL", Do: floor.KillPostmaster},
	)
	took := time.Since(began)
	v := crowd.Judge(t, ear)
	counts := crowd.Counts()
	events, again := ear.Heard()
	t.Logf("%d orders in %s (%.0f/s), %d acknowledged, lost %d, doubled %d; killed %d times: %s", counts.Orders, took.Round(time.Second),
		float64(counts.Orders)/took.Seconds(), v.Acknowledged, v.Lost, v.Doubled, storm.Strikes(), storm)
	t.Logf("%d retries, %d attempts without an answer, refused %v; %d orders had been carried out unnoticed; %d events heard, %d again",
		counts.Retries, counts.Unanswered, counts.Refused, counts.Replays, events, again)
	if counts.Orders == 0 || counts.Replays == 0 {
		t.Errorf("%d orders, %d of them carried out unnoticed; want both", counts.Orders, counts.Replays)
	}
}
