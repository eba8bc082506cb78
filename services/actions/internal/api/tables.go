package api

import (
	"encoding/json"
	"net/http"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/tables"
	"github.com/vegascore/vegascore/shared/web"
)

// game is one that is played, with its rules as data.
type game struct {
	Game      string          `json:"game"`
	Rules     string          `json:"rules"`
	RulesHash string          `json:"rules_hash"` // SHA-256 of the sheet's text
	Shared    bool            `json:"shared"`
	Actions   bool            `json:"actions"` // rounds take actions
	Sheet     json.RawMessage `json:"sheet"`
}

// games answers with all games and their rules, to anyone.
func (a *API) games(w http.ResponseWriter, r *http.Request) error {
	var all []game
	for _, name := range games.Names() {
		g, err := games.Find(name)
		if err != nil {
			return err
		}
		all = append(all, game{g.Name, g.Rules, g.Hash, g.Shared, g.Steps, g.Sheet})
	}
	return web.WriteTagged(w, r, struct {
		Games []game `json:"games"`
	}{all})
}

// tables answers with all tables, to anyone.
func (a *API) tables(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Floor.List()
	if err != nil {
		return err
	}
	return web.WriteTagged(w, r, struct {
		Tables []tables.Table `json:"tables"`
	}{all})
}

// table answers with a table as it stands, to anyone.
func (a *API) table(w http.ResponseWriter, r *http.Request) error {
	table, err := games.FindTable(r.PathValue("id"))
	if err != nil {
		return err
	}
	view, err := a.Floor.Look(r.Context(), table)
	if err != nil {
		return err
	}
	return web.WriteTagged(w, r, view)
}
