package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
)

// shown is how many results of a table are told.
const shown = 20

// Table is what everybody may know of a table.
type Table struct {
	ID        string       `json:"id"`
	Game      string       `json:"game"`
	Shared    bool         `json:"shared"`
	Least     money.Amount `json:"least"` // stakes, in minor units
	Most      money.Amount `json:"most"`
	Rules     string       `json:"rules"`
	BettingMS int64        `json:"betting_ms,omitempty"` // of a shared table, as is what follows
	PauseMS   int64        `json:"pause_ms,omitempty"`
}

// List returns all tables.
func (f *Floor) List() ([]Table, error) {
	var all []Table
	for _, t := range games.Tables() {
		listed, err := f.listed(t)
		if err != nil {
			return nil, err
		}
		all = append(all, listed)
	}
	return all, nil
}

func (f *Floor) listed(t games.Table) (Table, error) {
	game, err := games.Find(t.Game)
	if err != nil {
		return Table{}, err
	}
	s := step{floor: f}
	return Table{
		ID: t.ID, Game: t.Game, Shared: game.Shared, Least: t.Least, Most: t.Most, Rules: game.Rules,
		BettingMS: s.faster(t.Betting).Milliseconds(), PauseMS: s.faster(t.Pause).Milliseconds(),
	}, nil
}

// Chain is the public part of the chain that a table plays: its rounds are verified
// against the commitment.
type Chain struct {
	Commitment string `json:"commitment"`
	Salt       string `json:"salt"`
	Links      int    `json:"links"`
}

// View is a table as it stands: a shared one with its newest round, and with the last ones
// that were settled, the newest first.
type View struct {
	Table Table    `json:"table"`
	Chain *Chain   `json:"chain,omitempty"`
	Round *Public  `json:"round,omitempty"`
	Last  []Public `json:"last"`
}

// Look returns a table as it stands.
func (f *Floor) Look(ctx context.Context, table games.Table) (v View, err error) {
	v.Last = []Public{}
	if v.Table, err = f.listed(table); err != nil || !v.Table.Shared {
		return v, err
	}
	const newest = `
		SELECT id, seq, rules, state, server_seed, server_hash, client_seed, coalesce(link, 0), opened_at, locks_at, locked_at, settled_at, outcome::text
		FROM table_rounds WHERE table_id = $1 ORDER BY seq DESC LIMIT $2`
	rows, err := f.db.Query(ctx, newest, table.ID, shown+1)
	if err != nil {
		return v, fmt.Errorf("look at table %s: %w", table.ID, postgres.Problem(err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Public, error) {
		var r round
		var locked, settled pgtype.Timestamptz
		var outcome pgtype.Text
		err := row.Scan(&r.id, &r.seq, &r.rules, &r.state, &r.serverSeed, &r.serverHash, &r.clientSeed, &r.link, &r.openedAt, &r.locksAt, &locked, &settled, &outcome)
		r.lockedAt, r.settledAt = locked.Time, settled.Time
		var text json.RawMessage
		if outcome.Valid {
			text = json.RawMessage(outcome.String)
		}
		return r.public(table, text), err
	})
	if err != nil {
		return v, fmt.Errorf("look at table %s: %w", table.ID, postgres.Problem(err))
	}
	for i, r := range found {
		if i == 0 {
			v.Round = &r
		}
		if r.State == Settled && len(v.Last) < shown {
			v.Last = append(v.Last, r)
		}
	}
	return v, f.chain(ctx, &v)
}

// chain adds the chain of the newest round.
func (f *Floor) chain(ctx context.Context, v *View) error {
	if v.Round == nil {
		return nil
	}
	var c Chain
	err := f.db.QueryRow(ctx, `SELECT c.commitment, c.salt, c.links FROM table_rounds t JOIN table_chains c ON c.id = t.chain_id WHERE t.id = $1`, v.Round.Round).
		Scan(&c.Commitment, &c.Salt, &c.Links)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the chain of table %s: %w", v.Table.ID, postgres.Problem(err))
	}
	v.Chain = &c
	return nil
}
