// Package cup is the consumer of the facts that keeps the points of running tournaments.
package cup

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/tournament/points"
)

// Consumer is the name of this consumer among the handled events.
const Consumer = "tournaments"

// Types are the facts that points are made of.
func Types() map[string]inbox.Prepare {
	return map[string]inbox.Prepare{event.TypeRoundSettled: settled}
}

// settled takes no more of the fact than which round it is about: the points are made of
// the round itself.
func settled(e event.Event) (inbox.Effect, error) {
	var fact struct {
		Round uuid.UUID `json:"round"`
	}
	if err := json.Unmarshal(e.Data, &fact); err != nil {
		return nil, problem.Of(problem.BadJSON, "The data is no settled round.").Because(err)
	}
	if fact.Round == uuid.Nil {
		return nil, problem.Of(problem.ParamsInvalid, "The member \"round\" of the settled round is missing.")
	}
	return func(ctx context.Context, tx pgx.Tx) error {
		_, err := points.Count(ctx, tx, fact.Round)
		return err
	}, nil
}
