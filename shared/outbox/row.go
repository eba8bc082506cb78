package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Sink names where a row goes.
type Sink string

const (
	// Room rows are events for the sockets of a room: Key is the room, Type the
	// event's name, Body the JSON array of its arguments.
	Room Sink = "room"
	// Fact rows are events between servers: Key is the ordering key, Type the
	// event's type, Body its data.
	Fact Sink = "fact"
)

// lanes is the number of lanes of a sink; the table's check knows it too.
const lanes = 8

// Row is one message of the outbox.
type Row struct {
	EventID     uuid.UUID // names the event to its receivers, also on a second delivery
	Sink        Sink
	Key         string // rows of one key are sent in order
	Type        string
	Body        json.RawMessage // must be valid JSON; the bytes are kept as they are
	Traceparent string          // W3C trace context of the writer; may be empty
	At          time.Time       // when the transaction began, by the database; ignored on writing

	id int64
}

// Lane is the lane of a key: its FNV-1a hash modulo the number of lanes.
func Lane(key string) int16 {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int16(h.Sum32() % lanes)
}

// The casts of single elements work in every protocol mode, also where no type
// was asked of the server. ORDER BY makes the ids follow the order of the rows.
const insertSQL = `
INSERT INTO outbox (event_id, sink, lane, key, type, body, traceparent)
SELECT r.event_id::uuid, r.sink, r.lane, r.key, r.type, r.body::json, r.traceparent
FROM unnest($1::text[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::text[], $7::text[])
     WITH ORDINALITY AS r (event_id, sink, lane, key, type, body, traceparent, ord)
ORDER BY r.ord`

// Queue adds one statement to b that writes rows in their order. b must be sent in
// the transaction that the rows tell of; call Drainer.Wake after its commit.
func Queue(b *pgx.Batch, rows ...Row) {
	if len(rows) > 0 {
		b.Queue(insertSQL, arguments(rows)...)
	}
}

// Add writes rows in their order as part of tx.
func Add(ctx context.Context, tx pgx.Tx, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, insertSQL, arguments(rows)...); err != nil {
		return fmt.Errorf("add %d rows to the outbox: %w", len(rows), err)
	}
	return nil
}

func arguments(rows []Row) []any {
	n := len(rows)
	ids, sinks, keys, types := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	bodies, parents, laneOf := make([]string, n), make([]string, n), make([]int16, n)
	for i, r := range rows {
		ids[i], sinks[i], laneOf[i], keys[i] = r.EventID.String(), string(r.Sink), Lane(r.Key), r.Key
		types[i], bodies[i], parents[i] = r.Type, string(r.Body), r.Traceparent
	}
	return []any{ids, sinks, laneOf, keys, types, bodies, parents}
}

// Querier is the part of a pool or a transaction that Depth needs.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Depth returns how many rows of all sinks are unsent and how old the oldest is by
// the database's clock.
func Depth(ctx context.Context, q Querier) (unsent int64, oldest time.Duration, err error) {
	var seconds float64
	err = q.QueryRow(ctx, `
		SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
		FROM outbox WHERE sent_at IS NULL`).Scan(&unsent, &seconds)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the outbox: %w", err)
	}
	return unsent, time.Duration(seconds * float64(time.Second)), nil
}
