package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestTwoDrainersKeepTheOrderOfEachKey(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	pool := database.Pool(t)
	sink := &recorder{}
	options := outbox.Options{Batch: 7, Parallel: 4}
	a := outbox.NewDrainer(database.Pool(t), outbox.Room, sink, options, quiet)
	b := outbox.NewDrainer(database.Pool(t), outbox.Room, sink, options, quiet)
	run(t, a, b)
	const keys, each = 12, 60
	want := map[string]int{}
	var wg sync.WaitGroup
	for k := range keys {
		key := fmt.Sprintf("table:%d", k)
		want[key] = each
		wg.Go(func() { // until its rows are written
			for n := 0; n < each; n += 3 {
				write(t, pool, newRow(outbox.Room, key, n), newRow(outbox.Room, key, n+1), newRow(outbox.Room, key, n+2))
				[]*outbox.Drainer{a, b}[rand.N(2)].Wake()
			}
		})
	}
	wg.Wait()
	eventually(t, 20*time.Second, empty(pool))
	rows := sink.got()
	if len(rows) != keys*each {
		t.Errorf("%d rows were sent, want each once: %d", len(rows), keys*each)
	}
	inOrder(t, rows, want, false)
	if a.Stats().Sent == 0 || b.Stats().Sent == 0 || a.Stats().Sent+b.Stats().Sent != keys*each {
		t.Errorf("sent %+v and %+v", a.Stats(), b.Stats())
	}
}

// TestRowsThatCommitOutOfOrderAreNotLost lets transactions take their ids in one
// order and commit in another. A relay that remembers the last id loses rows
// here, as the second half shows.
func TestRowsThatCommitOutOfOrderAreNotLost(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	pool := database.Pool(t)
	ctx := context.Background()
	sink := &recorder{}
	d := outbox.NewDrainer(database.Pool(t), outbox.Fact, sink, outbox.Options{Poll: 5 * time.Millisecond}, quiet)
	run(t, d)

	stop := make(chan struct{})
	naive := make(chan int, 1)
	reader := database.DirectPool(t)
	go func() { // until stop is closed
		seen, last := 0, int64(0)
		for done := false; ; {
			rows, err := reader.Query(ctx, "SELECT id FROM outbox WHERE id > $1 ORDER BY id", last)
			if err != nil {
				t.Error(err)
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				t.Error(err)
			}
			if seen += len(ids); len(ids) > 0 {
				last = ids[len(ids)-1]
			}
			if done {
				naive <- seen
				return
			}
			select {
			case <-stop:
				done = true
			case <-time.After(time.Millisecond):
			}
		}
	}()
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { // until its rows are written
			for n := range each {
				err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
					if err := outbox.Add(ctx, tx, newRow(outbox.Fact, fmt.Sprint("writer ", w), n)); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "SELECT pg_sleep($1)", rand.Float64()/50)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, 10*time.Second, empty(pool))
	close(stop)
	want := map[string]int{}
	for w := range writers {
		want[fmt.Sprint("writer ", w)] = each
	}
	inOrder(t, sink.got(), want, false)
	seen := <-naive
	t.Logf("lost by id > last: %d of %d, by the drainer: 0", writers*each-seen, writers*each)
	if seen == writers*each {
		t.Error("no transaction overtook another: this test shows nothing")
	}
}

func TestAWakeUpSendsAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	sink := &recorder{}
	d := outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{Poll: time.Hour}, quiet)
	run(t, d)
	for n := range 3 {
		write(t, pool, newRow(outbox.Room, "k", n))
		d.Wake()
		eventually(t, 5*time.Second, func() error {
			if len(sink.got()) != n+1 {
				return errors.New("not sent")
			}
			return nil
		})
	}
}

func TestStoppingFinishesTheBatch(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	in, out := make(chan struct{}), make(chan struct{})
	sink := &recorder{before: func(_ int, rows []outbox.Row) (int, error) {
		close(in)
		<-out
		return len(rows), nil
	}}
	write(t, pool, newRow(outbox.Room, "k", 0), newRow(outbox.Room, "k", 1))
	stop := run(t, outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{}, quiet))
	<-in
	done := make(chan struct{})
	go func() { stop(); close(done) }()
	close(out)
	<-done
	if err := empty(pool)(); err != nil {
		t.Error(err)
	}
}

func TestObserveSeesAgeAndNumber(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	write(t, pool, newRow(outbox.Room, "k", 0), newRow(outbox.Room, "k", 1))
	var total int
	d := outbox.NewDrainer(pool, outbox.Room, &recorder{}, outbox.Options{Observe: func(n int, oldest time.Duration) {
		total += n
		if oldest <= 0 || oldest > time.Minute {
			t.Errorf("oldest is %s", oldest)
		}
	}}, quiet)
	if _, err := d.Drain(context.Background()); err != nil || total != 2 {
		t.Errorf("observed %d, %v", total, err)
	}
}
