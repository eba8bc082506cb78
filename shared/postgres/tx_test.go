package postgres_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestDeadlocksAreRetriedToSuccess(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	db := open(t, postgres.Config{URL: database.DirectURL})
	ctx := context.Background()
	if _, err := db.Exec(ctx, "CREATE TABLE pair (id int PRIMARY KEY, n int); INSERT INTO pair VALUES (1, 0), (2, 0)"); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	meet := make(chan struct{})
	var first sync.WaitGroup
	first.Add(2)
	go func() { first.Wait(); close(meet) }()
	var wg sync.WaitGroup
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		wg.Go(func() {
			var met bool
			err := db.InTx(ctx, func(tx pgx.Tx) error {
				runs.Add(1)
				for i, id := range order {
					if _, err := tx.Exec(ctx, "UPDATE pair SET n = n + 1 WHERE id = $1", id); err != nil {
						return err
					}
					if i == 0 && !met {
						met = true
						first.Done()
						<-meet
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var sum int
	if err := db.QueryRow(ctx, "SELECT sum(n) FROM pair").Scan(&sum); err != nil || sum != 4 {
		t.Errorf("got sum %d, %v; want 4", sum, err)
	}
	if runs.Load() < 3 {
		t.Errorf("%d runs: no deadlock happened", runs.Load())
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).URL})
	runs := 0
	err := db.InTx(context.Background(), func(tx pgx.Tx) error {
		runs++
		_, err := tx.Exec(context.Background(), "DO $$ BEGIN RAISE serialization_failure; END $$")
		return err
	})
	if runs != 6 || !errors.Is(postgres.Problem(err), problem.New(0, problem.Busy, "")) {
		t.Errorf("got %v after %d runs", err, runs)
	}
}

func TestAnErrorOfTheCallerRollsBack(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).URL})
	ctx := context.Background()
	want := problem.New(0, problem.RoundOver, "no")
	runs := 0
	insert := func(tx pgx.Tx) error {
		runs++
		_, err := tx.Exec(ctx, "INSERT INTO handled_events (consumer, event_id) VALUES ('test', gen_random_uuid())")
		return err
	}
	err := db.InTx(ctx, func(tx pgx.Tx) error { return errors.Join(insert(tx), want) })
	if !errors.Is(err, want) || runs != 1 {
		t.Errorf("got %v after %d runs", err, runs)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		if err := db.InTx(ctx, func(tx pgx.Tx) error { panic(insert(tx)) }); err != nil {
			t.Error(err)
		}
	}()
	var rows int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM handled_events").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows stayed, %v", rows, err)
	}
	if in := db.Stat().AcquiredConns(); in != 0 {
		t.Errorf("%d connections were not given back", in)
	}
}

func TestABackendKilledMidwayIsRetried(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	db := open(t, postgres.Config{URL: database.URL})
	admin := database.AdminPool(t)
	ctx := context.Background()
	runs := 0
	err := db.InTx(ctx, func(tx pgx.Tx) error {
		runs++
		if runs == 1 {
			if _, err := admin.Exec(ctx, "SELECT pg_terminate_backend($1, 5000)", tx.Conn().PgConn().PID()); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO handled_events (consumer, event_id) VALUES ('test', gen_random_uuid())")
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("got %v after %d runs", err, runs)
	}
}

func TestALostCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	db := open(t, postgres.Config{URL: database.DirectURL})
	admin := database.AdminPool(t)
	ctx := context.Background()
	if _, err := db.Exec(ctx, `
		CREATE TABLE slow (id int);
		CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`); err != nil {
		t.Fatal(err)
	}
	pid := make(chan uint32, 1)
	result := make(chan error)
	runs := 0
	go func() {
		result <- db.InTx(ctx, func(tx pgx.Tx) error {
			runs++
			_, err := tx.Exec(ctx, "INSERT INTO slow VALUES (1)")
			pid <- tx.Conn().PgConn().PID()
			return err
		})
	}()
	backend := <-pid
	eventually(t, 5*time.Second, func() error {
		var done bool
		err := admin.QueryRow(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE pid = $1 AND wait_event = 'PgSleep'`, backend).Scan(&done)
		return err
	})
	err := <-result
	if !errors.Is(err, postgres.ErrUnknownOutcome) || runs != 1 {
		t.Errorf("got %v after %d runs", err, runs)
	}
	if !errors.Is(postgres.Problem(err), problem.New(0, problem.Unavailable, "")) {
		t.Errorf("got problem %v", postgres.Problem(err))
	}
}

func TestAnExhaustedPoolAnswersBusySoon(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).URL, MaxConns: 3})
	ctx := context.Background()
	for range 3 {
		conn, err := db.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			began := time.Now()
			var err error
			switch i % 3 {
			case 0:
				err = db.InTx(ctx, func(pgx.Tx) error { return nil })
			case 1:
				_, err = db.Exec(ctx, "SELECT 1")
			case 2:
				_, err = db.Query(ctx, "SELECT 1")
			}
			took := time.Since(began)
			if !errors.Is(err, postgres.ErrBusy) || !errors.Is(postgres.Problem(err), problem.New(0, problem.Busy, "")) {
				t.Errorf("got %v", err)
			}
			if took > 250*time.Millisecond {
				t.Errorf("answered after %s", took)
			}
		})
	}
	wg.Wait()
	eventually(t, 2*time.Second, func() error {
		if now := runtime.NumGoroutine(); now > before+5 {
			return errors.New("goroutines were left behind")
		}
		return nil
	})
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := db.Exec(short, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's own deadline became %v", err)
	}
}

func TestACutOffHolderFreesItsRows(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).DirectURL, IdleTimeout: 200 * time.Millisecond})
	ctx := context.Background()
	conn, err := db.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "BEGIN; LOCK TABLE handled_events"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := db.Exec(ctx, "INSERT INTO handled_events (consumer, event_id) VALUES ('test', gen_random_uuid())"); err == nil {
		t.Logf("freed after %s", time.Since(began))
	} else {
		t.Error(err)
	}
}
