package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// recorder is a sink that remembers what it got.
type recorder struct {
	mu    sync.Mutex
	rows  []outbox.Row
	calls int
	// before, when set, may refuse a call: it returns how many rows to take.
	before func(call int, rows []outbox.Row) (int, error)
}

func (r *recorder) Send(_ context.Context, rows []outbox.Row) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	n, err := len(rows), error(nil)
	if r.before != nil {
		n, err = r.before(r.calls, rows)
	}
	r.rows = append(r.rows, rows[:n]...)
	return n, err
}

func (r *recorder) got() []outbox.Row {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]outbox.Row(nil), r.rows...)
}

// newRow is a row whose body is its number within its key.
func newRow(sink outbox.Sink, key string, n int) outbox.Row {
	return outbox.Row{
		EventID: uuid.Must(uuid.NewV7()), Sink: sink, Key: key, Type: "tick",
		Body: json.RawMessage(fmt.Sprintf("[%d]", n)), Traceparent: "00-trace",
	}
}

// write commits rows in one transaction.
func write(t testing.TB, pool *pgxpool.Pool, rows ...outbox.Row) {
	t.Helper()
	ctx := context.Background()
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return outbox.Add(ctx, tx, rows...) }); err != nil {
		t.Error(err)
	}
}

// run runs drainers until the test ends.
func run(t testing.TB, drainers ...*outbox.Drainer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, d := range drainers {
		wg.Go(func() { d.Run(ctx) })
	}
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// eventually polls f until it returns nil.
func eventually(t testing.TB, within time.Duration, f func() error) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %v", within, err)
		}
	}
}

// empty fails while rows are unsent.
func empty(pool *pgxpool.Pool) func() error {
	return func() error {
		n, _, err := outbox.Depth(context.Background(), pool)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d rows are unsent", n)
		}
		return err
	}
}

// inOrder checks that each key's rows came as 0, 1, 2, ... count-1. With repeats
// a row may come again after it came first.
func inOrder(t testing.TB, rows []outbox.Row, count map[string]int, repeats bool) {
	t.Helper()
	next := map[string]int{}
	for _, r := range rows {
		var n [1]int
		if err := json.Unmarshal(r.Body, &n); err != nil {
			t.Fatal(err)
		}
		switch {
		case n[0] == next[r.Key]:
			next[r.Key]++
		case n[0] > next[r.Key] || !repeats:
			t.Fatalf("key %s: got row %d, want %d", r.Key, n[0], next[r.Key])
		}
	}
	for key, want := range count {
		if next[key] != want {
			t.Errorf("key %s: %d rows came, want %d", key, next[key], want)
		}
	}
}

var errDown = errors.New("the sink is down")
