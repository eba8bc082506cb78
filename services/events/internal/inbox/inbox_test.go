package inbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
)

const kind = "test.thing.happened.v1"

// bench is a database with a table that effects write to.
type bench struct {
	*postgres.DB
	t testing.TB
}

func newBench(t testing.TB) bench {
	t.Helper()
	d := pgtest.New(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	const table = `CREATE TABLE effects (event uuid NOT NULL); GRANT SELECT, INSERT ON effects TO vegas_app`
	if _, err := d.DirectPool(t).Exec(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	return bench{db, t}
}

// inbox returns a consumer whose effect is a row, after what during does.
func (b bench) inbox(consumer string, during func(ctx context.Context) error) *Inbox {
	return New(b, consumer, map[string]Prepare{kind: func(e event.Event) (Effect, error) {
		return func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO effects VALUES ($1)", e.ID); err != nil {
				return err
			}
			if during != nil {
				return during(ctx)
			}
			return nil
		}, nil
	}})
}

func (b bench) effects() int {
	b.t.Helper()
	var n int
	if err := b.QueryRow(b.t.Context(), "SELECT count(*) FROM effects").Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func happened() event.Event {
	return event.Event{ID: uuid.Must(uuid.NewV7()), Source: event.Source, Type: kind, Data: []byte("{}")}
}

func TestAnEventHasOneEffectHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.inbox("one", nil)
	const events, workers, rounds = 20, 8, 10
	var all []event.Event
	for range events {
		all = append(all, happened())
	}
	var mu sync.Mutex
	outcomes := map[Outcome]int{}
	for _, e := range all { // the same event at the same moment, again and again
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range rounds {
					outcome, err := in.Handle(t.Context(), e)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					outcomes[outcome]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	want := map[Outcome]int{Applied: events, Duplicate: events * (workers*rounds - 1)}
	if diff := cmp.Diff(want, outcomes); diff != "" || b.effects() != events {
		t.Errorf("%d effects of %d events; outcomes (-want +got):\n%s", b.effects(), events, diff)
	}
}

func TestAFailedEffectLeavesTheEventToTheNextDelivery(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	trouble := errors.New("trouble")
	var err error
	in := b.inbox("one", func(context.Context) error { return err })
	e := happened()
	err = trouble
	if _, got := in.Handle(t.Context(), e); !errors.Is(got, trouble) || b.effects() != 0 {
		t.Fatalf("first delivery: %v with %d effects; want the trouble and none", got, b.effects())
	}
	err = nil
	if outcome, got := in.Handle(t.Context(), e); outcome != Applied || got != nil || b.effects() != 1 {
		t.Errorf("second delivery: %s, %v with %d effects; want applied once", outcome, got, b.effects())
	}
}

// The delivery that comes while the first is under way takes over when that one
// rolls back.
func TestADeliveryWaitsForTheOneUnderWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e, entered, leave := happened(), make(chan struct{}), make(chan struct{})
	slow := b.inbox("one", func(context.Context) error {
		close(entered)
		<-leave
		return errors.New("rolled back")
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if outcome, err := slow.Handle(t.Context(), e); err == nil {
			t.Errorf("the slow delivery = %s; want its error", outcome)
		}
	})
	<-entered
	wg.Go(func() {
		if outcome, err := b.inbox("one", nil).Handle(t.Context(), e); outcome != Applied || err != nil {
			t.Errorf("the waiting delivery = %s, %v; want applied", outcome, err)
		}
	})
	waitUntilBlocked(t, b)
	close(leave)
	wg.Wait()
	if n := b.effects(); n != 1 {
		t.Errorf("effects = %d; want 1", n)
	}
}

// waitUntilBlocked returns when a session of this database waits for another's lock.
func waitUntilBlocked(t *testing.T, b bench) {
	t.Helper()
	const waiting = `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE NOT l.granted AND a.datname = current_database())`
	for blocked := false; !blocked; {
		if err := b.QueryRow(t.Context(), waiting).Scan(&blocked); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConsumersDoNotSeeEachOthersEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := happened()
	for _, consumer := range []string{"one", "two"} {
		if outcome, err := b.inbox(consumer, nil).Handle(t.Context(), e); outcome != Applied || err != nil {
			t.Errorf("%s: %s, %v; want applied", consumer, outcome, err)
		}
	}
}

func TestAnUnknownTypeIsIgnored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := happened()
	e.Type = "test.other.v1"
	if outcome, err := b.inbox("one", nil).Handle(t.Context(), e); outcome != Ignored || err != nil || b.effects() != 0 {
		t.Errorf("outcome = %s, %v with %d effects; want ignored", outcome, err, b.effects())
	}
}

func TestAnEventThatCannotBeReadOpensNoTransaction(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	in := New(nil, "one", map[string]Prepare{kind: func(event.Event) (Effect, error) { return nil, bad }})
	if _, err := in.Handle(t.Context(), happened()); !errors.Is(err, bad) {
		t.Errorf("error = %v; want the one of Prepare", err)
	}
}
