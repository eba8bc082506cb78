package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sender takes rows to a sink.
type Sender interface {
	// Send sends rows in order and returns how many of the first are out for
	// certain. With sent < len(rows) the error says why. Rows after the first sent
	// may be out as well; they come again. It returns soon after ctx is over, and
	// is called concurrently with rows of different keys.
	Send(ctx context.Context, rows []Row) (sent int, err error)
}

// Database is the part of a pool that a Drainer needs.
type Database interface {
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Options of a Drainer. Zero fields take the default that their comment names.
type Options struct {
	Batch       int           // rows in one transaction; 500
	Parallel    int           // lanes drained at a time, each with a connection; 2
	Poll        time.Duration // longest wait without a Wake; 250 ms
	SendTimeout time.Duration // of one call of Send; 3 s
	MinBackoff  time.Duration // after a first failure of a lane; 100 ms
	MaxBackoff  time.Duration // 5 s
	// OlderThan leaves alone rows that are younger; 0.
	OlderThan time.Duration
	// Observe is called after each batch with the number of rows sent and the age
	// of the oldest of them, from several goroutines; may be nil.
	Observe func(sent int, oldest time.Duration)
}

// Stats counts what a Drainer did since it was made.
type Stats struct {
	Sent     int64 // rows
	Failures int64 // batches that were not sent to the end
}

// Drainer sends the rows of one sink. Any number of drainers may work on the same
// database; all methods may be called concurrently, Run once.
type Drainer struct {
	db     Database
	sink   Sink
	sender Sender
	opts   Options
	logger *slog.Logger

	wake   chan struct{}
	slots  chan struct{} // one for each lane that may be drained now
	lanes  [lanes]chan struct{}
	sent   atomic.Int64
	failed atomic.Int64
}

// NewDrainer returns a drainer of the rows of sink.
func NewDrainer(db Database, sink Sink, sender Sender, opts Options, logger *slog.Logger) *Drainer {
	opts.Batch = cmp.Or(opts.Batch, 500)
	opts.Parallel = cmp.Or(opts.Parallel, 2)
	opts.Poll = cmp.Or(opts.Poll, 250*time.Millisecond)
	opts.SendTimeout = cmp.Or(opts.SendTimeout, 3*time.Second)
	opts.MinBackoff = cmp.Or(opts.MinBackoff, 100*time.Millisecond)
	opts.MaxBackoff = max(cmp.Or(opts.MaxBackoff, 5*time.Second), opts.MinBackoff)
	d := &Drainer{
		db: db, sink: sink, sender: sender, opts: opts, logger: logger.With("sink", string(sink)),
		wake: make(chan struct{}, 1), slots: make(chan struct{}, opts.Parallel),
	}
	for i := range d.lanes {
		d.lanes[i] = make(chan struct{}, 1)
	}
	return d
}

// Wake says that rows were committed. It never blocks.
func (d *Drainer) Wake() { signal(d.wake) }

// Stats returns the counts so far.
func (d *Drainer) Stats() Stats { return Stats{Sent: d.sent.Load(), Failures: d.failed.Load()} }

// Run drains until ctx is over. A batch that is under way then is finished and
// marked, within SendTimeout. A sink or a database that is away is no reason to
// return: each lane tries again with growing pauses.
func (d *Drainer) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for lane := range int16(lanes) {
		wg.Go(func() { d.work(ctx, lane) }) // until ctx is over
	}
	d.look(ctx)
	wg.Wait()
}

// look tells the lanes' workers which of them have rows.
func (d *Drainer) look(ctx context.Context) {
	backoff := d.backoff()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-timer.C:
		}
		waiting, err := d.waiting(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if backoff.failures == 0 {
				d.logger.WarnContext(ctx, "outbox unreadable", "error", err)
			}
			if !wait(ctx, backoff.next()) {
				return
			}
		default:
			backoff.reset()
		}
		for _, lane := range waiting {
			signal(d.lanes[lane])
		}
		timer.Reset(d.opts.Poll - rand.N(d.opts.Poll/8+1))
	}
}

// waiting returns the lanes with unsent rows: eight probes of the partial index.
func (d *Drainer) waiting(ctx context.Context) ([]int16, error) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.SendTimeout)
	defer cancel()
	rows, err := d.db.Query(ctx, `
		SELECT l::int2 FROM generate_series(0, $2::int4 - 1) AS l
		WHERE EXISTS (SELECT FROM outbox WHERE sink = $1::text AND lane = l::int2 AND sent_at IS NULL)`, string(d.sink), lanes)
	if err != nil {
		return nil, fmt.Errorf("look for outbox rows: %w", err)
	}
	waiting, err := pgx.CollectRows(rows, pgx.RowTo[int16])
	if err != nil {
		return nil, fmt.Errorf("look for outbox rows: %w", err)
	}
	return waiting, nil
}

// work drains one lane whenever it is told to, until ctx is over.
func (d *Drainer) work(ctx context.Context, lane int16) {
	backoff := d.backoff()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.lanes[lane]:
		}
		contention := minContention
		for again := true; again; {
			var err error
			again, err = d.turn(ctx, lane, backoff)
			switch {
			case errors.Is(err, errHeld):
				// Whoever polls next looks again, if need be.
				if contention > d.opts.Poll || !wait(ctx, contention/2+rand.N(contention)) {
					again = false
				}
				contention *= 2
			case err != nil:
				again = wait(ctx, backoff.next())
			}
		}
	}
}

// minContention is about when to look again at a lane that another drainer holds:
// it may have looked for the last time just before our row was committed.
const minContention = 20 * time.Millisecond

// turn drains one batch and reports whether to go on with the lane, after a pause
// when there is an error.
func (d *Drainer) turn(ctx context.Context, lane int16, backoff *backoff) (again bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	}
	n, err := d.batch(ctx, lane)
	switch {
	case errors.Is(err, errHeld):
		return true, err
	case err != nil:
		if backoff.failures == 0 {
			d.logger.WarnContext(ctx, "outbox lane stuck", "lane", lane, "error", err)
		}
		return true, err
	}
	if failures := backoff.reset(); failures > 0 {
		d.logger.InfoContext(ctx, "outbox lane flows again", "lane", lane, "failures", failures)
	}
	// What came after a batch that was not full has its own wake-up.
	return n == d.opts.Batch, nil
}

// Drain sends what is there now, lane after lane, and returns how many rows it
// sent and the errors of the lanes that it could not empty. Lanes that another
// drainer holds are left to it.
func (d *Drainer) Drain(ctx context.Context) (sent int, err error) {
	var failures []error
	for lane := range int16(lanes) {
		for {
			n, err := d.batch(ctx, lane)
			sent += n
			if err != nil && !errors.Is(err, errHeld) {
				failures = append(failures, fmt.Errorf("drain lane %d of %s: %w", lane, d.sink, err))
			}
			if err != nil || n == 0 {
				break
			}
		}
	}
	return sent, errors.Join(failures...)
}

// signal fills a channel of capacity 1.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait waits for pause and reports false when ctx ended it.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
