package api

import (
	"net/http"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/tournament"
	"github.com/vegascore/vegascore/shared/web"
)

// tournaments answers with those that are to come, run or have ended lately, to anyone.
func (a *API) tournaments(w http.ResponseWriter, r *http.Request) error {
	all, err := tournament.List(r.Context(), a.DB)
	if err != nil {
		return postgres.Problem(err)
	}
	return web.WriteTagged(w, r, struct {
		Tournaments []tournament.Tournament `json:"tournaments"`
	}{all})
}

// tournament answers with one and its standings, to anyone, and with the caller's own entry
// when there is a token.
func (a *API) tournament(w http.ResponseWriter, r *http.Request) error {
	id, err := tournamentID(r)
	if err != nil {
		return err
	}
	var answer struct {
		Tournament tournament.Tournament `json:"tournament"`
		Standings  []tournament.Standing `json:"standings"`
		Me         *tournament.Standing  `json:"me,omitempty"`
	}
	if answer.Tournament, err = tournament.Find(r.Context(), a.DB, id); err != nil {
		return postgres.Problem(err)
	}
	if r.Header.Get("Authorization") != "" {
		claims, err := a.player(r)
		if err != nil {
			return err
		}
		if answer.Me, err = tournament.StandingOf(r.Context(), a.DB, id, claims.Player); err != nil {
			return postgres.Problem(err)
		}
	}
	if answer.Standings, err = tournament.Standings(r.Context(), a.DB, id, tournament.MaxStandings); err != nil {
		return postgres.Problem(err)
	}
	return web.WriteTagged(w, r, answer)
}

// enter takes the fee of a tournament and answers once the entry is committed.
func (a *API) enter(w http.ResponseWriter, r *http.Request) error {
	player, key, err := a.writer(r)
	if err != nil {
		return err
	}
	if err := web.Decode(w, r, &struct{}{}); err != nil { // nothing to say, and nothing else is said
		return err
	}
	if err := play.CheckKey(key); err != nil {
		return err
	}
	id, err := tournamentID(r)
	if err != nil {
		return err
	}
	answer, err := tournament.Enter(r.Context(), a.DB, tournament.Request{
		Tournament: id, Player: player.ID, Key: key, Traceparent: telemetry.Traceparent(r.Context()),
		Maxima: a.Maxima, Refuse: protection.Refusal,
	})
	if err != nil {
		return err
	}
	a.Wake()
	return played(w, http.StatusCreated, play.Answer(answer))
}

// tournamentID is the tournament of the path, or the problem not_found.
func tournamentID(r *http.Request) (uuid.UUID, error) {
	text := r.PathValue("id")
	if text == "" { // served alone, under any path
		text = path.Base(strings.TrimSuffix(r.URL.Path, "/entries"))
	}
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.UUID{}, tournament.NotFound()
	}
	return id, nil
}
