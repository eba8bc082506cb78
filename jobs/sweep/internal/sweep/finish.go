package sweep

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/postgres"
)

const (
	// finishTime bounds one request to the actions service, which finishes a bounded number
	// of rounds, and finishCalls how many requests a run makes.
	finishTime  = 30 * time.Second
	finishCalls = 20
)

// finished is what the actions service has made of rounds that were left.
type finished struct {
	Settled int64       `json:"settled"`
	Void    []uuid.UUID `json:"void"`
	Failed  int64       `json:"failed"`
	Next    uuid.UUID   `json:"next"`
}

// finish has the actions service play rounds to their end. Without its address there is
// nobody who could, which matters when there are such rounds.
func finish(ctx context.Context, c Config, db *postgres.DB) (finished, error) {
	if c.Actions == "" {
		return unfinished(ctx, c, db)
	}
	client := actions(c)
	var all finished
	for range finishCalls {
		f, err := finishSome(ctx, c, client, all.Next)
		if err != nil {
			return all, err
		}
		all.Settled, all.Failed, all.Void, all.Next = all.Settled+f.Settled, all.Failed+f.Failed, append(all.Void, f.Void...), f.Next
		if f.Next == uuid.Nil {
			break
		}
	}
	return all, nil
}

func finishSome(ctx context.Context, c Config, client *http.Client, after uuid.UUID) (f finished, err error) {
	body := struct {
		Idle  int64     `json:"idle_s"`
		After uuid.UUID `json:"after,omitzero"`
	}{int64(c.RoundsOlderThan / time.Second), after}
	if err := post(ctx, client, c.Actions+"/v1/rounds/finish", body, &f); err != nil {
		return f, fmt.Errorf("finish rounds: %w", err)
	}
	return f, nil
}

// unfinished counts the rounds that nobody finishes.
func unfinished(ctx context.Context, c Config, db *postgres.DB) (f finished, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM rounds WHERE state = 'open' AND created_at < now() - make_interval(secs => $1)`,
		c.RoundsOlderThan.Seconds()).Scan(&f.Failed)
	if err != nil {
		return f, fmt.Errorf("look for rounds that were left: %w", err)
	}
	if f.Failed > 0 {
		err = errors.New("rounds were left, and ACTIONS_URL does not say who could finish them")
	}
	return f, err
}
