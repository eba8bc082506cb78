package tables

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// Public is what everybody may know of a table's round. Times are the database's. Outcome
// and ServerSeed are there when it is settled.
type Public struct {
	Table          string          `json:"table"`
	Round          uuid.UUID       `json:"round"`
	Seq            int64           `json:"seq"`
	Game           string          `json:"game"`
	Rules          string          `json:"rules"`
	State          string          `json:"state"`
	ServerSeedHash string          `json:"server_seed_hash"`
	ClientSeed     string          `json:"client_seed"`
	Link           int32           `json:"link,omitempty"` // of the table's chain
	OpenedAt       time.Time       `json:"opened_at"`
	LocksAt        time.Time       `json:"locks_at"`
	LockedAt       time.Time       `json:"locked_at,omitzero"`
	SettledAt      time.Time       `json:"settled_at,omitzero"`
	Outcome        json.RawMessage `json:"outcome,omitempty"`
	ServerSeed     string          `json:"server_seed,omitempty"`
}

// tableEvent is the argument of the socket event "table". At is when it happened, for
// clocks that are not the database's.
type tableEvent struct {
	Public
	At          time.Time `json:"at"`
	EventID     uuid.UUID `json:"event_id"`
	Traceparent string    `json:"traceparent"`
}

// public is the round for everybody. outcome is nil while it is secret.
func (r *round) public(table games.Table, outcome json.RawMessage) Public {
	p := Public{
		Table: table.ID, Round: r.id, Seq: r.seq, Game: table.Game, Rules: r.rules, State: r.state,
		ServerSeedHash: r.serverHash, ClientSeed: r.clientSeed, Link: r.link,
		OpenedAt: r.openedAt.UTC(), LocksAt: r.locksAt.UTC(), LockedAt: r.lockedAt.UTC(), SettledAt: r.settledAt.UTC(), Outcome: outcome,
	}
	if r.state == Settled || r.state == void {
		p.ServerSeed = r.serverSeed
	}
	return p
}

// tell queues the event that tells everybody at the table where it stands.
func (s *step) tell(ctx context.Context, at time.Time, outcome json.RawMessage) error {
	id := uuid.Must(uuid.NewV7())
	parent := telemetry.Traceparent(ctx)
	body, err := json.Marshal([]tableEvent{{s.round.public(s.table, outcome), at.UTC(), id, parent}})
	if err != nil {
		return fmt.Errorf("encode event of table %s: %w", s.table.ID, err)
	}
	s.told = true
	return outbox.Add(ctx, s.tx, outbox.Row{
		EventID: id, Sink: outbox.Room, Key: "table:" + s.table.ID, Type: "table", Body: body, Traceparent: parent,
	})
}
