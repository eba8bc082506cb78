package api

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/jackpot"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// placeBet plays a bet and answers once it is committed.
func (a *API) placeBet(w http.ResponseWriter, r *http.Request) error {
	player, key, err := a.writer(r)
	if err != nil {
		return err
	}
	var body play.Request
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	bet, err := play.NewBet(player, key, body, telemetry.Traceparent(r.Context()))
	if err != nil {
		return err
	}
	answer, err := a.Desk.Place(r.Context(), bet)
	if err != nil {
		return err
	}
	return played(w, http.StatusCreated, answer)
}

// act plays an action on an open round of the player.
func (a *API) act(w http.ResponseWriter, r *http.Request) error {
	player, key, err := a.writer(r)
	if err != nil {
		return err
	}
	var action json.RawMessage
	if err := web.Decode(w, r, &action); err != nil {
		return err
	}
	id, err := roundID(r)
	if err != nil {
		return err
	}
	step, err := play.NewStep(player, key, id, action, telemetry.Traceparent(r.Context()))
	if err != nil {
		return err
	}
	answer, err := a.Desk.Act(r.Context(), step)
	if err != nil {
		return err
	}
	return played(w, http.StatusOK, answer)
}

// writer is the player of a request that moves money, and its Idempotency-Key; empty
// when there is none.
func (a *API) writer(r *http.Request) (player play.Player, key string, err error) {
	claims, err := a.player(r)
	if err != nil {
		return play.Player{}, "", err
	}
	switch keys := r.Header.Values("Idempotency-Key"); len(keys) {
	case 0:
	case 1:
		key = keys[0]
	default:
		return play.Player{}, "", problem.Of(problem.KeyMalformed, "Send one Idempotency-Key.")
	}
	return play.Player{ID: claims.Player, Name: claims.Name}, key, nil
}

func played(w http.ResponseWriter, status int, answer play.Answer) error {
	if answer.Replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	web.WriteRaw(w, status, answer.Body)
	return nil
}

// roundID is the round of the path, or the problem not_found.
func roundID(r *http.Request) (uuid.UUID, error) {
	text := r.PathValue("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.UUID{}, play.NotFound()
	}
	return id, nil
}

// jackpot answers with what is in it, to anyone.
func (a *API) jackpot(w http.ResponseWriter, r *http.Request) error {
	held, err := ledger.Derived(r.Context(), a.DB, ledger.Pool, money.Play)
	if err != nil {
		return postgres.Problem(err)
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Amount money.Amount `json:"amount"`
		Asset  money.Asset  `json:"asset"`
		Rules  string       `json:"rules"`
	}{held, money.Play, jackpot.Rules})
}
