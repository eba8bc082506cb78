package outbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestACrashBetweenSendAndMarkSendsAgain(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	pool := database.Pool(t)
	admin := database.AdminPool(t)
	sink := &recorder{before: func(call int, rows []outbox.Row) (int, error) {
		if call == 1 {
			// The sink has the rows; the drainer's connection dies before the mark.
			_, err := admin.Exec(context.Background(), `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'`)
			if err != nil {
				t.Error(err)
			}
		}
		return len(rows), nil
	}}
	const n = 5
	for i := range n {
		write(t, pool, newRow(outbox.Fact, "k", i))
	}
	run(t, outbox.NewDrainer(database.Pool(t), outbox.Fact, sink, outbox.Options{MinBackoff: time.Millisecond}, quiet))
	eventually(t, 10*time.Second, empty(pool))
	rows := sink.got()
	if len(rows) != 2*n {
		t.Errorf("the sink got %d rows, want each twice", len(rows))
	}
	for i := range n {
		if rows[i].EventID != rows[n+i].EventID {
			t.Errorf("row %d came again under another id", i)
		}
	}
	inOrder(t, rows, map[string]int{"k": n}, true)
}

func TestASinkThatIsDownIsAskedSeldomAndRecovers(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	pool := database.Pool(t)
	var up atomic.Bool
	sink := &recorder{before: func(_ int, rows []outbox.Row) (int, error) {
		if up.Load() {
			return len(rows), nil
		}
		return 0, errDown
	}}
	d := outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{MinBackoff: 20 * time.Millisecond, MaxBackoff: 200 * time.Millisecond}, quiet)
	other := &recorder{}
	run(t, d, outbox.NewDrainer(pool, outbox.Fact, other, outbox.Options{}, quiet))
	began := time.Now()
	for n := range 100 { // one lane, woken all the time
		write(t, pool, newRow(outbox.Room, "k", n), newRow(outbox.Fact, "k", n))
		d.Wake()
	}
	eventually(t, 10*time.Second, func() error {
		if d.Stats().Failures < 5 {
			return fmt.Errorf("only %d failures so far", d.Stats().Failures)
		}
		return nil
	})
	// Pauses of at least 10, 20, 40, 80, 100, 100, ... ms.
	elapsed := time.Since(began)
	if most := int64(5 + elapsed/(100*time.Millisecond)); d.Stats().Failures > most {
		t.Errorf("%d tries in %s", d.Stats().Failures, elapsed)
	}
	eventually(t, 5*time.Second, func() error {
		if n := len(other.got()); n != 100 {
			return fmt.Errorf("the other sink has %d of 100 rows", n)
		}
		return nil
	})
	up.Store(true)
	began = time.Now()
	eventually(t, 5*time.Second, empty(pool))
	t.Logf("recovered in %s", time.Since(began))
	inOrder(t, sink.got(), map[string]int{"k": 100}, false)
}

func TestAPartialSendGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	sink := &recorder{before: func(call int, rows []outbox.Row) (int, error) {
		if call < 4 {
			return min(2, len(rows)), errDown
		}
		return len(rows), nil
	}}
	for n := range 20 {
		write(t, pool, newRow(outbox.Room, "k", n))
	}
	run(t, outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{MinBackoff: time.Millisecond}, quiet))
	eventually(t, 10*time.Second, empty(pool))
	inOrder(t, sink.got(), map[string]int{"k": 20}, false)
}

func TestTheDatabaseGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Server(t)
	database := cluster.New(t)
	pool := database.Pool(t)
	sink := &recorder{}
	d := outbox.NewDrainer(pool, outbox.Fact, sink, outbox.Options{MaxBackoff: 300 * time.Millisecond}, quiet)
	for n := range 10 {
		write(t, pool, newRow(outbox.Fact, "k", n))
	}
	cluster.Kill()
	run(t, d)
	cluster.Start()
	eventually(t, 10*time.Second, empty(pool))
	inOrder(t, sink.got(), map[string]int{"k": 10}, true)
}
