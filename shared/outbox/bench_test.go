package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/roomsink"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// nowhere takes everything.
type nowhere struct{ n atomic.Int64 }

func (s *nowhere) Send(_ context.Context, rows []outbox.Row) (int, error) {
	s.n.Add(int64(len(rows)))
	return len(rows), nil
}

// BenchmarkRelay drains b.N rows of 100 keys, on a server that syncs its files.
// The figure is events/s.
func BenchmarkRelay(b *testing.B) {
	b.Run("database alone", func(b *testing.B) { relay(b, &nowhere{}) })
	b.Run("to Redis", func(b *testing.B) {
		c, err := redisconn.Open(redistest.New(b))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		relay(b, roomsink.New(broadcast.New(c, broadcast.Options{Prefix: uuid.NewString()}), quiet))
	})
}

func relay(b *testing.B, sender outbox.Sender) {
	pool := pgtest.Server(b).New(b).Pool(b)
	body := []byte(`[{"id":"0198c4de-7a3e-7c1c-9c3e-1b7a2f4d5e6f","game":"dice","table":"dice-1","state":"settled","stake":100,"payout":198,"nonce":7}]`)
	for from := 0; from < b.N; from += 1000 {
		rows := make([]outbox.Row, 0, 1000)
		for n := from; n < min(from+1000, b.N); n++ {
			r := newRow(outbox.Room, fmt.Sprint("table:", n%100), n)
			r.Body = body
			rows = append(rows, r)
		}
		write(b, pool, rows...)
	}
	d := outbox.NewDrainer(pool, outbox.Room, sender, outbox.Options{}, quiet)
	b.ResetTimer()
	stop := run(b, d)
	eventually(b, 2*time.Minute, func() error {
		if d.Stats().Sent < int64(b.N) {
			return errDown
		}
		return nil
	})
	b.StopTimer()
	stop()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLatency commits one row at a time and waits until the sink has it. The
// figures are the time from the commit to the sink, with a wake-up in the process.
func BenchmarkLatency(b *testing.B) {
	pool := pgtest.Server(b).New(b).Pool(b)
	out := make(chan time.Time, 1)
	sink := &recorder{before: func(_ int, rows []outbox.Row) (int, error) {
		out <- time.Now()
		return len(rows), nil
	}}
	d := outbox.NewDrainer(pool, outbox.Room, sink, outbox.Options{}, quiet)
	stop := run(b, d)
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		write(b, pool, newRow(outbox.Room, fmt.Sprint("table:", n%100), n))
		committed := time.Now()
		d.Wake()
		took = append(took, (<-out).Sub(committed))
	}
	b.StopTimer()
	stop()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
