package chaos

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/shared/outbox"
)

// Ear is both sinks of the outbox: it drains the rows as a container would and remembers
// which events it has heard.
type Ear struct {
	floor *Floor
	pool  *pgxpool.Pool

	mu    sync.Mutex
	heard map[uuid.UUID]bool
	calls int
}

// Listen drains the outbox until t ends.
func (f *Floor) Listen(t testing.TB) *Ear {
	t.Helper()
	config, err := pgxpool.ParseConfig(f.Database.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 6
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	e := &Ear{floor: f, pool: pool, heard: map[uuid.UUID]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, sink := range []outbox.Sink{outbox.Room, outbox.Fact} {
		d := outbox.NewDrainer(pool, sink, e, outbox.Options{}, slog.New(slog.DiscardHandler))
		wg.Go(func() { d.Run(ctx) }) // until cancel
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		pool.Close()
	})
	return e
}

// Send implements outbox.Sender.
func (e *Ear) Send(_ context.Context, rows []outbox.Row) (sent int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range rows {
		e.heard[r.EventID] = true
	}
	e.calls += len(rows)
	return len(rows), nil
}

// Heard is how many events were heard, and how often one came again.
func (e *Ear) Heard() (events, again int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard), e.calls - len(e.heard)
}

// missing waits until every row is marked as sent and counts those that were not heard,
// and what was heard and is in no row.
func (e *Ear) missing(t testing.TB) int {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, e.floor.Database.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	platform.Await(t, "the outbox is empty", func() bool {
		var waits bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM outbox WHERE sent_at IS NULL)`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return !waits
	})
	rows, err := conn.Query(ctx, `SELECT event_id FROM outbox`)
	if err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	stored, unheard := 0, 0
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		if stored++; !e.heard[id] {
			unheard++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return unheard + max(0, len(e.heard)-stored)
}
