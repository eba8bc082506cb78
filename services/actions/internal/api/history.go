package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/vegascore/vegascore/services/actions/internal/history"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// rounds answers with the player's rounds, newest first.
func (a *API) rounds(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	query, err := queryOf(r, "game", "state", "cursor", "limit")
	if err != nil {
		return err
	}
	f := history.Filter{Game: query.Get("game"), State: query.Get("state"), After: query.Get("cursor"), Limit: history.DefaultLimit}
	if text := query.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil {
			return problem.Of(problem.ParamsInvalid, "The limit is a number.")
		}
	}
	page, err := history.List(r.Context(), a.DB, claims.Player, f)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, page)
}

// round answers with one of the player's own rounds, and with its bundle once its seed is
// revealed.
func (a *API) round(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	id, err := roundID(r)
	if err != nil {
		return err
	}
	record, err := play.Find(r.Context(), a.DB, claims.Player, id)
	if err != nil {
		return err
	}
	bundle, err := history.Bundle(r.Context(), a.DB, claims.Player, id)
	if err != nil && !untold(err) {
		return err
	}
	return web.WriteTagged(w, r, struct {
		Round  play.Record     `json:"round"`
		Bundle json.RawMessage `json:"bundle,omitempty"`
	}{record, bundle})
}

// untold says that a round has no bundle, or none yet.
func untold(err error) bool {
	for _, code := range []problem.Code{problem.SeedNotRevealed, problem.RoundOpen, problem.RoundVoid} {
		if errors.Is(err, problem.New(0, code, "")) {
			return true
		}
	}
	return false
}

// bundle answers with the bundle alone, byte for byte as it is verified.
func (a *API) bundle(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	id, err := roundID(r)
	if err != nil {
		return err
	}
	text, err := history.Bundle(r.Context(), a.DB, claims.Player, id)
	if err != nil {
		return err
	}
	web.WriteTaggedRaw(w, r, text)
	return nil
}
