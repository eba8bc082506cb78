package api

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/web"
)

// limits answers with all that protects the player now.
func (a *API) limits(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	return a.protected(w, r, claims.Player)
}

// setLimits makes the limits of the body all that the player has.
func (a *API) setLimits(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	var body struct {
		Limits       []protection.Limit `json:"limits"`
		CheckMinutes *int               `json:"reality_check_minutes,omitzero"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	minutes := protection.DefaultCheck
	if body.CheckMinutes != nil {
		minutes = *body.CheckMinutes
	}
	if err := protection.SetLimits(r.Context(), a.DB, claims.Player, body.Limits, minutes); err != nil {
		return unknownPlayer(err)
	}
	return a.protected(w, r, claims.Player)
}

// timeOut keeps the player from play for some hours.
func (a *API) timeOut(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	var body struct {
		Hours int64 `json:"hours"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	if err := protection.TimeOut(r.Context(), a.DB, claims.Player, body.Hours); err != nil {
		return unknownPlayer(err)
	}
	return a.protected(w, r, claims.Player)
}

// exclude keeps the player from play for some months, and until asked for its end.
func (a *API) exclude(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	var body struct {
		Months int64 `json:"months"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	if err := protection.Exclude(r.Context(), a.DB, claims.Player, body.Months); err != nil {
		return unknownPlayer(err)
	}
	return a.protected(w, r, claims.Player)
}

// endExclusion is the wish to play again after a self-exclusion. The answer says when that
// is possible.
func (a *API) endExclusion(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	if err := protection.Return(r.Context(), a.DB, claims.Player); err != nil {
		return unknownPlayer(err)
	}
	return a.protected(w, r, claims.Player)
}

// activity answers with what the player has staked, got and played.
func (a *API) activity(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	done, err := protection.ActivityOf(r.Context(), a.DB, claims.Player)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, done)
}

func (a *API) protected(w http.ResponseWriter, r *http.Request, player uuid.UUID) error {
	settings, err := protection.Get(r.Context(), a.DB, player)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings)
}

// unknownPlayer is err, or the answer to a token whose player this database does not have.
func unknownPlayer(err error) error {
	if errors.Is(err, protection.ErrUnknown) {
		return stranger(err)
	}
	return err
}
