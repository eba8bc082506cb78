package bench

import (
	"context"
	_ "embed" // the SQL beside
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/localpg"
)

// history is what fill has left in a database.
type history struct {
	rounds, transfers int64 // transfers with the grants to the players
}

// fill brings the ledger of a database up to rows: rounds of the players who are there and
// of 10,000 more, in turn, settled between from and to ago. Each round is a stake and a
// payout of 1, so that no balance changes. It works as the owner of the schema.
func (b *bench) fill(ctx context.Context, env *environment, name string, rows int64, from, to time.Duration) (h history, err error) {
	url, err := localpg.WithUser(env.postgres.URL("postgres"), name, localpg.Owner, password)
	if err != nil {
		return h, err
	}
	setup, err := os.ReadFile(filepath.Join(b.Root, "services/actions/internal/play/bench/setup.sql"))
	if err != nil {
		return h, fmt.Errorf("fill %s: %w", name, err)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return h, fmt.Errorf("fill %s: %w", name, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, sql := range []string{"SET synchronous_commit = off", "SET maintenance_work_mem = '256MB'", string(setup), "ANALYZE", everybodySQL} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return h, fmt.Errorf("fill %s: %w", name, err)
		}
	}
	var there int64
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM ledger_transfers").Scan(&there); err != nil {
		return h, fmt.Errorf("fill %s: %w", name, err)
	}
	h.rounds = max(0, rows-there) / 2
	h.transfers = there + 2*h.rounds
	if err := withoutIndexes(ctx, conn, func() error { return insertRounds(ctx, conn, h.rounds, from, to) }); err != nil {
		return h, fmt.Errorf("fill %s: %w", name, err)
	}
	// Otherwise the server would do so by itself, in the middle of the bets.
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return h, fmt.Errorf("fill %s: %w", name, err)
	}
	return h, checkpoint(ctx, env)
}

// everybodySQL numbers the players.
const everybodySQL = `
	CREATE TEMP TABLE everybody AS
	SELECT row_number() OVER () - 1 AS n, a.owner AS player, a.id AS account, s.id AS seed
	FROM ledger_accounts a JOIN seeds s ON s.player_id = a.owner AND s.state = 'active';
	CREATE UNIQUE INDEX ON everybody (n);
	ANALYZE everybody`

// historySQL makes rounds and has the ledger book their transfers.
//
//go:embed history.sql
var historySQL string

// insertRounds adds n settled rounds and their transfers, some at a time. In between the
// accounts, which each time are all updated, have the old versions of their rows taken
// away.
func insertRounds(ctx context.Context, conn *pgx.Conn, n int64, from, to time.Duration) error {
	const most = 250_000
	step := (from - to) / time.Duration(max(n, 1))
	for first := int64(1); first <= n; first += most {
		if _, err := conn.Exec(ctx, historySQL, first, min(first+most-1, n), from, step); err != nil {
			return fmt.Errorf("insert rounds: %w", err)
		}
		if _, err := conn.Exec(ctx, "VACUUM ledger_accounts"); err != nil {
			return fmt.Errorf("insert rounds: %w", err)
		}
	}
	return nil
}

// withoutIndexes runs f while the rounds and the transfers have no index but that of their
// ids, which grow: rows would cost ten times as much.
func withoutIndexes(ctx context.Context, conn *pgx.Conn, f func() error) error {
	rows, err := conn.Query(ctx, `
		SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
		FROM pg_index i WHERE i.indrelid IN ('rounds'::regclass, 'ledger_transfers'::regclass) AND NOT i.indisprimary`)
	if err != nil {
		return err
	}
	type index struct{ Name, Definition string }
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if _, err := conn.Exec(ctx, "DROP INDEX "+i.Name); err != nil {
			return err
		}
	}
	if err := f(); err != nil {
		return err
	}
	for _, i := range indexes {
		if _, err := conn.Exec(ctx, i.Definition); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint has the server write out what it holds, so that no part pays for another.
func checkpoint(ctx context.Context, env *environment) error {
	return onDatabase(ctx, env, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CHECKPOINT")
		return err
	})
}
