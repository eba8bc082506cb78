package sweep

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
)

const (
	// tableLate is how late a round of a shared table is when nobody leads the table any
	// more: a croupier is never so late.
	tableLate = 30 * time.Second
	// tableCalls is how often the actions service is asked to move one table on: a call
	// ends thousands of bets.
	tableCalls = 20
)

// tablesLeft are the shared tables that somebody must move on: their round is late, or has
// bets of accounts that are no longer frozen.
const tablesLeft = `
	SELECT t.table_id FROM table_rounds t WHERE t.state IN ('open', 'locked') AND coalesce(t.due_at, t.locks_at) < now() - make_interval(secs => $1)
	UNION
	SELECT t.table_id FROM rounds r
	JOIN table_rounds t ON t.id = r.seed_id AND t.state = 'settled'
	JOIN ledger_accounts a ON a.owner = r.player_id AND a.asset = r.asset AND a.frozen_at IS NULL
	WHERE r.state = 'open'`

// endTables has the actions service move the tables on that were left. A round that is late
// by more than c.RoundsOlderThan nevertheless is void: the bets of it are returned, their
// stakes go back.
func endTables(ctx context.Context, c Config, db *postgres.DB) (ended int64, left []stuck, err error) {
	rows, err := db.Query(ctx, tablesLeft, tableLate.Seconds())
	if err != nil {
		return 0, nil, fmt.Errorf("look for tables that were left: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, nil, fmt.Errorf("look for tables that were left: %w", err)
	}
	var failures []error
	if len(tables) > 0 && c.Actions == "" {
		failures = append(failures, errors.New("tables were left, and ACTIONS_URL does not say who could move them on"))
		tables = nil
	}
	for _, table := range tables {
		done, err := endTable(ctx, c, table)
		if err != nil {
			failures = append(failures, fmt.Errorf("move table %s on: %w", table, err))
		}
		if done {
			ended++
		}
	}
	left, err = voidTables(ctx, c, db)
	return ended, left, errors.Join(append(failures, err)...)
}

// endTable asks until nothing is due at a table, and reports whether its round has ended.
func endTable(ctx context.Context, c Config, table string) (ended bool, err error) {
	client := actions(c)
	for range tableCalls {
		var standing struct {
			State string `json:"state"`
			Next  int64  `json:"next_ms"`
		}
		if err := post(ctx, client, c.Actions+"/v1/tables/"+url.PathEscape(table)+"/advance", struct{}{}, &standing); err != nil {
			return false, err
		}
		if standing.State == "settled" {
			return true, nil
		}
		if standing.Next > 0 { // the next run ends it
			return false, nil
		}
	}
	return false, nil
}

// voidTables gives up the rounds of tables that could not be settled, and returns the bets
// that have to go back.
func voidTables(ctx context.Context, c Config, db *postgres.DB) ([]stuck, error) {
	const old = `SELECT id FROM table_rounds WHERE state IN ('open', 'locked') AND coalesce(due_at, locks_at) < now() - make_interval(secs => $1)`
	rows, err := db.Query(ctx, old, c.RoundsOlderThan.Seconds())
	if err != nil {
		return nil, fmt.Errorf("look for rounds of tables to void: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("look for rounds of tables to void: %w", err)
	}
	for _, id := range found {
		if _, err := db.Exec(ctx, `SELECT table_void($1)`, id); err != nil {
			return nil, fmt.Errorf("void round %s of a table: %w", id, err)
		}
	}
	const bets = `SELECT r.id, r.player_id, r.asset FROM rounds r JOIN table_rounds t ON t.id = r.seed_id AND t.state = 'void' WHERE r.state = 'open'`
	if rows, err = db.Query(ctx, bets); err != nil {
		return nil, fmt.Errorf("look for bets of void rounds: %w", err)
	}
	left, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stuck, err error) {
		var asset string
		err = row.Scan(&s.id, &s.player, &asset)
		s.asset = money.Asset(asset)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for bets of void rounds: %w", err)
	}
	return left, nil
}
