package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/players"
	"github.com/vegascore/vegascore/services/actions/internal/seeds"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/web"
)

// createGuest makes a guest and signs its token.
func (a *API) createGuest(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	player, err := players.Create(r.Context(), a.DB, body.Name)
	if err != nil {
		return err
	}
	token, expires, err := a.Signer.Sign(player.ID, player.Name, a.TokenTTL)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, struct {
		Player    players.Player `json:"player"`
		Token     string         `json:"token"`
		ExpiresAt time.Time      `json:"expires_at"`
		Balance   money.Amount   `json:"balance"`
	}{player, token, expires.UTC(), players.StartBalance})
}

// me answers with the player and the balance.
func (a *API) me(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	player, balance, err := players.Get(r.Context(), a.DB, claims.Player)
	if errors.Is(err, players.ErrUnknown) {
		return stranger(err)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Player  players.Player `json:"player"`
		Balance money.Amount   `json:"balance"`
		Asset   money.Asset    `json:"asset"`
	}{player, balance, money.Play})
}

// seeds answers with the active pair and the hash of the next server seed.
func (a *API) seeds(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	pair, err := seeds.Current(r.Context(), a.DB, claims.Player)
	if errors.Is(err, seeds.ErrNoPair) {
		return stranger(err)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, pair)
}

// rotateSeeds starts the next pair with the player's client seed and reveals the
// server seed of the last one.
func (a *API) rotateSeeds(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.player(r)
	if err != nil {
		return err
	}
	var body struct {
		ClientSeed string `json:"client_seed"`
	}
	if err := web.Decode(w, r, &body); err != nil {
		return err
	}
	pair, revealed, err := seeds.Rotate(r.Context(), a.DB, claims.Player, body.ClientSeed)
	if errors.Is(err, seeds.ErrNoPair) {
		return stranger(err)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		seeds.Pair
		Revealed seeds.Revealed `json:"revealed"`
	}{pair, revealed})
}
