package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
)

func TestLaneIsStable(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int16{"": 5, "table:dice-1": 6, "player:1": 5} {
		if got := outbox.Lane(key); got != want {
			t.Errorf("lane of %q: got %d, want %d", key, got, want)
		}
	}
}

func TestRowsArriveAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	for _, way := range []struct{ name, url string }{
		{"direct", database.URL},
		{"through a pooler", bouncer.Start(t, database.URL, 3)},
	} {
		t.Run(way.name, func(t *testing.T) {
			config, err := pgxpool.ParseConfig(way.url)
			if err != nil {
				t.Fatal(err)
			}
			config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
			pool, err := pgxpool.NewWithConfig(context.Background(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			want := newRow(outbox.Fact, "dice-1", 0)
			want.Body = []byte(`{"b": 1.50, "a": "\u00e4 ☃ '\\"}`)
			other := newRow(outbox.Fact, "dice-1", 1)
			other.Traceparent = ""
			write(t, pool, want, other, newRow(outbox.Room, "table:dice-1", 0))
			sink := &recorder{}
			n, err := outbox.NewDrainer(pool, outbox.Fact, sink, outbox.Options{}, quiet).Drain(context.Background())
			if n != 2 || err != nil {
				t.Fatalf("drained %d, %v", n, err)
			}
			got := sink.got()
			if diff := cmp.Diff([]outbox.Row{want, other}, got, cmpopts.IgnoreUnexported(outbox.Row{}), cmpopts.IgnoreFields(outbox.Row{}, "At")); diff != "" {
				t.Error(diff)
			}
			if age := time.Since(got[0].At); age < 0 || age > time.Minute {
				t.Errorf("row was written %s ago", age)
			}
			if n, err := outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{}, quiet).Drain(context.Background()); n != 1 || err != nil {
				t.Errorf("the other sink drained %d, %v", n, err)
			}
		})
	}
}

func TestARolledBackTransactionSaysNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	ctx := context.Background()
	oops := errors.New("oops")
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		outbox.Queue(b)
		if b.Len() != 0 {
			t.Error("a statement for no rows")
		}
		outbox.Queue(b, newRow(outbox.Fact, "k", 0), newRow(outbox.Room, "k", 0))
		return errors.Join(tx.SendBatch(ctx, b).Close(), outbox.Add(ctx, tx), oops)
	})
	if !errors.Is(err, oops) {
		t.Error(err)
	}
	if n, _, err := outbox.Depth(ctx, pool); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestDepthIsWhatIsUnsent(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	pool := database.Pool(t)
	ctx := context.Background()
	if n, oldest, err := outbox.Depth(ctx, pool); n != 0 || oldest != 0 || err != nil {
		t.Errorf("empty: %d, %s, %v", n, oldest, err)
	}
	write(t, pool, newRow(outbox.Fact, "a", 0), newRow(outbox.Room, "b", 0))
	if _, err := database.DirectPool(t).Exec(ctx, "UPDATE outbox SET created_at = now() - interval '90 s' WHERE key = 'a'"); err != nil {
		t.Fatal(err)
	}
	n, oldest, err := outbox.Depth(ctx, pool)
	if n != 2 || oldest.Round(10*time.Second) != 90*time.Second || err != nil {
		t.Errorf("got %d, %s, %v", n, oldest, err)
	}
	// The sweep leaves the young ones to the drainers of the services.
	sink := &recorder{}
	drain := func(sinkName outbox.Sink, older time.Duration) int {
		n, err := outbox.NewDrainer(pool, sinkName, sink, outbox.Options{OlderThan: older}, quiet).Drain(ctx)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if a, b := drain(outbox.Fact, time.Minute), drain(outbox.Room, time.Minute); a != 1 || b != 0 {
		t.Errorf("older than a minute: %d and %d", a, b)
	}
}
