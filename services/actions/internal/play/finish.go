package play

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// idleSteps bounds the actions that finish one round: more than any game has.
const idleSteps = 100

// Finished is what became of rounds that their players had left.
type Finished struct {
	Settled int         `json:"settled"`
	Void    []uuid.UUID `json:"void"`          // still open: nothing has happened in them, the stakes may go back
	Failed  int         `json:"failed"`        // still open, for a reason that the log tells
	Next    uuid.UUID   `json:"next,omitzero"` // there may be more after this one
}

// left is an open round whose player stays away.
type left struct {
	round  uuid.UUID
	player Player
}

// Finish plays rounds to their end in which nothing was done for longer than idle, at most
// so many, in the order of their ids from the one after a given one. Each game says what is done for a player who stays away; who would lose cannot
// wait for the stake to come back. failed hears why a round could not be finished. The
// error says that the rounds could not be found.
func (d *Desk) Finish(ctx context.Context, idle time.Duration, after uuid.UUID, most int, failed func(round uuid.UUID, err error)) (Finished, error) {
	f := Finished{Void: []uuid.UUID{}}
	found, err := d.leftFor(ctx, idle, after, most)
	if err != nil {
		return f, err
	}
	if len(found) == most {
		f.Next = found[most-1].round
	}
	for _, l := range found {
		switch err := d.finish(ctx, l); {
		case errors.Is(err, errNothing):
			f.Void = append(f.Void, l.round)
		case err != nil:
			f.Failed++
			failed(l.round, err)
		default:
			f.Settled++
		}
	}
	return f, nil
}

func (d *Desk) leftFor(ctx context.Context, idle time.Duration, after uuid.UUID, most int) ([]left, error) {
	conn, err := d.db.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("find rounds that were left: %w", postgres.Problem(err))
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, `
		SELECT r.id, r.player_id, coalesce(p.name, '') FROM rounds r LEFT JOIN players p ON p.id = r.player_id
		WHERE r.state = 'open' AND r.id > $3 AND r.created_at < now() - make_interval(secs => $1)
		AND EXISTS (SELECT FROM seeds d WHERE d.id = r.seed_id) -- what is at a shared table ends with its round
		AND NOT EXISTS (SELECT FROM round_steps s WHERE s.round_id = r.id AND s.created_at >= now() - make_interval(secs => $1))
		ORDER BY r.id LIMIT $2`, idle.Seconds(), most, parameter(after))
	if err != nil {
		return nil, fmt.Errorf("find rounds that were left: %w", postgres.Problem(err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l left, err error) {
		err = row.Scan(&l.round, &l.player.ID, &l.player.Name)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("find rounds that were left: %w", postgres.Problem(err))
	}
	return found, nil
}

// finish plays one round to its end. The player may come back meanwhile: then the rest is
// the player's.
func (d *Desk) finish(ctx context.Context, l left) error {
	for range idleSteps {
		step := &Step{player: l.player, key: "idle-" + uuid.Must(uuid.NewV7()).String(), round: l.round, idle: true}
		answer, err := d.Act(ctx, step)
		if errors.Is(err, problem.New(0, problem.RoundOver, "")) {
			return nil
		}
		if err != nil {
			return err
		}
		if endedBy(string(answer.Body)) != nil {
			return nil
		}
	}
	return fmt.Errorf("finish round %s: it is open after %d actions", l.round, idleSteps)
}
