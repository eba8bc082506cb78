// Package inbox lets each fact have its effect once.
//
// Pub/Sub delivers at least once, in parallel and in any order. The id of a fact
// goes into the table handled_events in the transaction of its effect: a later
// delivery finds the id, and one at the same moment waits for the first to commit
// or to roll back. Two kinds of consumers do not see each other's ids.
package inbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/event"
)

// Outcome is what became of a fact. Each of them means that it need not be
// delivered again.
type Outcome string

// The outcomes without an error.
const (
	Applied   Outcome = "applied"   // its effect is committed
	Duplicate Outcome = "duplicate" // its effect was committed before
	Ignored   Outcome = "ignored"   // a type that this consumer does not know
)

// Prepare reads a fact before any transaction and returns its effect. It fails
// when the fact can never be applied.
type Prepare func(event.Event) (Effect, error)

// Effect changes the database inside tx, and nothing else: it may run again after a
// rollback.
type Effect func(ctx context.Context, tx pgx.Tx) error

// DB runs a transaction, again after a failure that left nothing behind.
type DB interface {
	InTx(ctx context.Context, fn func(pgx.Tx) error) error
}

// Inbox is one consumer. It may be used concurrently.
type Inbox struct {
	db       DB
	consumer string
	types    map[string]Prepare
}

// New returns the inbox of a consumer. Its name keeps its ids apart from those of
// others and must never change: under a new name every fact is new. types maps the
// types of facts to their effects.
func New(db DB, consumer string, types map[string]Prepare) *Inbox {
	return &Inbox{db: db, consumer: consumer, types: types}
}

// Handle gives the fact its effect unless it had it before. After an error the
// effect is not there, or its commit is in doubt, which the next delivery finds out.
func (i *Inbox) Handle(ctx context.Context, e event.Event) (Outcome, error) {
	prepare, known := i.types[e.Type]
	if !known {
		return Ignored, nil
	}
	effect, err := prepare(e)
	if err != nil {
		return "", fmt.Errorf("read event %s: %w", e.ID, err)
	}
	const claim = `INSERT INTO handled_events (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	outcome := Applied
	err = i.db.InTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, claim, i.consumer, e.ID)
		if err != nil {
			return fmt.Errorf("claim event %s for %s: %w", e.ID, i.consumer, err)
		}
		if outcome = Applied; tag.RowsAffected() == 0 {
			outcome = Duplicate
			return nil
		}
		return effect(ctx, tx)
	})
	if err != nil {
		return "", fmt.Errorf("handle event %s for %s: %w", e.ID, i.consumer, err)
	}
	return outcome, nil
}
