package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// What is called by our own services, with an identity token, and never by players.

const (
	// leastIdle is the shortest time after which a round counts as left.
	leastIdle = time.Minute
	// finishBatch bounds the rounds of one request, so that it ends in its time.
	finishBatch = 100
)

// finish plays rounds to their end whose players stay away.
func (a *API) finish(w http.ResponseWriter, r *http.Request) error {
	if err := a.service(r); err != nil {
		return err
	}
	var body struct {
		Idle  int64     `json:"idle_s"`
		After uuid.UUID `json:"after,omitzero"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	const most = 10 * 365 * 24 * 3600
	if body.Idle < int64(leastIdle/time.Second) || body.Idle > most {
		return problem.Of(problem.ParamsInvalid, "idle_s must be %d to %d.", int64(leastIdle/time.Second), most)
	}
	ctx := r.Context()
	finished, err := a.Desk.Finish(ctx, time.Duration(body.Idle)*time.Second, body.After, finishBatch, func(round uuid.UUID, err error) {
		web.Logger(ctx).ErrorContext(ctx, "round not finished", "round", round, "error", err)
	})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, finished)
}

// advance does what is due at a shared table.
func (a *API) advance(w http.ResponseWriter, r *http.Request) error {
	if err := a.service(r); err != nil {
		return err
	}
	var body struct {
		Fence int64 `json:"fence,omitzero"` // of the caller's lease; 0 for a caller without one
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	if body.Fence < 0 {
		return problem.Of(problem.ParamsInvalid, "fence must not be negative.")
	}
	table, err := sharedTable(r)
	if err != nil {
		return err
	}
	standing, err := a.Floor.Advance(r.Context(), table, body.Fence)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, standing)
}

// sharedTable is the table of the path, or the problem not_found.
func sharedTable(r *http.Request) (games.Table, error) {
	table, err := games.FindTable(r.PathValue("id"))
	if err != nil {
		return games.Table{}, err
	}
	if game, err := games.Find(table.Game); err != nil || !game.Shared {
		return games.Table{}, problem.Of(problem.NotFound, "This table is not shared.")
	}
	return table, nil
}
