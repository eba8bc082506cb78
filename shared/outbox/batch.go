package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// errHeld says that another drainer has the lane.
var errHeld = errors.New("lane is held by another drainer")

// lockClass is the first half of the advisory locks of this package.
const lockClass = 0x6f7574 // "out"

// lockKey is the second half: one lock for each lane of each sink.
func (d *Drainer) lockKey(lane int16) int32 {
	sink := int32(0)
	if d.sink == Fact {
		sink = 1
	}
	return sink*lanes + int32(lane)
}

const (
	lockSQL = `SELECT pg_try_advisory_xact_lock($1::int4, $2::int4)`

	// The lock is asked for again (it counts) so that both statements can go out in
	// one round trip: without the lock there are no rows. The snapshot is younger
	// than the lock of the first statement, so it sees what the last holder marked.
	batchSQL = `
WITH held AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1::int4, $2::int4) AS ok)
SELECT o.id, o.event_id::text, o.key, o.type, o.body::text, o.traceparent, o.created_at,
       extract(epoch FROM clock_timestamp() - o.created_at)::float8
FROM held, outbox o
WHERE held.ok AND o.sink = $3::text AND o.lane = $4::int2 AND o.sent_at IS NULL
  AND ($5::float8 = 0 OR o.created_at < clock_timestamp() - make_interval(secs => $5::float8))
ORDER BY o.id
LIMIT $6::int4
FOR UPDATE OF o SKIP LOCKED`

	markSQL = `UPDATE outbox SET sent_at = clock_timestamp() WHERE id = ANY ($1::int8[])`
)

// batch sends one batch of a lane and returns the number of rows sent and marked.
// With an error, rows may have been sent without being marked. Once it has the
// rows it no longer listens to the end of ctx: half a batch helps nobody.
func (d *Drainer) batch(ctx context.Context, lane int16) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// Room for the statements around the call of Send.
	whole := d.opts.SendTimeout + 2*time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), whole)
	defer cancel()
	tx, err := d.db.BeginTx(ctx, pgx.TxOptions{
		BeginQuery: fmt.Sprintf("BEGIN; SET LOCAL idle_in_transaction_session_timeout = %d", whole.Milliseconds()),
	})
	if err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback(ctx)
	rows, oldest, err := d.take(ctx, tx, lane)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	sent, failure := d.send(ctx, rows)
	if sent > 0 {
		ids := make([]int64, sent)
		for i := range ids {
			ids[i] = rows[i].id
		}
		if _, err := tx.Exec(ctx, markSQL, ids); err != nil {
			return 0, errors.Join(failure, fmt.Errorf("mark %d rows as sent: %w", sent, err))
		}
		if err := tx.Commit(ctx); err != nil {
			return 0, errors.Join(failure, fmt.Errorf("mark %d rows as sent: %w", sent, err))
		}
		d.sent.Add(int64(sent))
		if d.opts.Observe != nil {
			d.opts.Observe(sent, oldest)
		}
	}
	return sent, failure
}

// take locks a lane and reads its next rows; oldest is the greatest age of them.
func (d *Drainer) take(ctx context.Context, tx pgx.Tx, lane int16) (rows []Row, oldest time.Duration, err error) {
	key := d.lockKey(lane)
	b := &pgx.Batch{}
	b.Queue(lockSQL, int32(lockClass), key)
	b.Queue(batchSQL, int32(lockClass), key, string(d.sink), lane, d.opts.OlderThan.Seconds(), int32(d.opts.Batch))
	results := tx.SendBatch(ctx, b)
	defer func() { _ = results.Close() }() // its errors were read with the results
	var held bool
	if err := results.QueryRow().Scan(&held); err != nil {
		return nil, 0, fmt.Errorf("lock lane: %w", err)
	}
	found, err := results.Query()
	if err != nil {
		return nil, 0, fmt.Errorf("read lane: %w", err)
	}
	rows, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (Row, error) {
		r := Row{Sink: d.sink}
		var id, body string
		var age float64
		if err := row.Scan(&r.id, &id, &r.Key, &r.Type, &body, &r.Traceparent, &r.At, &age); err != nil {
			return r, err
		}
		r.Body = []byte(body)
		oldest = max(oldest, time.Duration(age*float64(time.Second)))
		var err error
		r.EventID, err = uuid.Parse(id)
		return r, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read lane: %w", err)
	}
	if !held && len(rows) == 0 {
		return nil, 0, errHeld
	}
	return rows, oldest, nil
}

// send calls the sender within its time and counts failures.
func (d *Drainer) send(ctx context.Context, rows []Row) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.SendTimeout)
	defer cancel()
	ended := d.trace(rows)
	sent, err := d.sender.Send(ctx, rows)
	sent = min(max(sent, 0), len(rows))
	ended(sent)
	if sent == len(rows) {
		return sent, nil
	}
	d.failed.Add(1)
	if err == nil {
		err = errors.New("the sink took less than all")
	}
	return sent, fmt.Errorf("send %d rows, %d are out: %w", len(rows), sent, err)
}
