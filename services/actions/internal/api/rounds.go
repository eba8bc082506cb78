package api

import (
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// placeBet plays a bet and answers once it is committed.
func (a *API) placeBet(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	var key string
	switch keys := r.Header.Values("Idempotency-Key"); len(keys) {
	case 0:
	case 1:
		key = keys[0]
	default:
		return problem.Of(problem.KeyMalformed, "Send one Idempotency-Key.")
	}
	var body play.Request
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	bet, err := play.NewBet(play.Player{ID: claims.Player, Name: claims.Name}, key, body, telemetry.Traceparent(r.Context()))
	if err != nil {
		return err
	}
	answer, err := a.Desk.Place(r.Context(), bet)
	if err != nil {
		return err
	}
	if answer.Replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	web.WriteRaw(w, http.StatusCreated, answer.Body)
	return nil
}

// round answers with one of the player's own rounds.
func (a *API) round(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	text := r.PathValue("id")
	if text == "" { // served alone, under any path
		text = path.Base(r.URL.Path)
	}
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return play.NotFound()
	}
	record, err := play.Find(r.Context(), a.DB, claims.Player, id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Round play.Record `json:"round"`
	}{record})
}

// leaderboard answers with the best of a day, to anyone. The query may name the day
// (UTC, 2026-11-22; today if absent) and the number of entries (10 if absent).
func (a *API) leaderboard(w http.ResponseWriter, r *http.Request) error {
	day, limit := time.Now(), 10
	query := r.URL.Query()
	if text := query.Get("day"); text != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, text); err != nil {
			return problem.Of(problem.ParamsInvalid, "A day looks like 2026-11-22.")
		}
	}
	if text := query.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > leaderboard.MaxLimit {
			return problem.Of(problem.ParamsInvalid, "The limit is 1 to %d.", leaderboard.MaxLimit)
		}
	}
	entries, err := leaderboard.Top(r.Context(), a.DB, day, money.Play, limit)
	if err != nil {
		return postgres.Problem(err)
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Day     string              `json:"day"`
		Asset   money.Asset         `json:"asset"`
		Entries []leaderboard.Entry `json:"entries"`
	}{leaderboard.Day(day).Format(time.DateOnly), money.Play, entries})
}
