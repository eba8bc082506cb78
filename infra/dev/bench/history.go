package bench

import (
	"context"
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
	for _, sql := range []string{"SET synchronous_commit = off", "SET maintenance_work_mem = '256MB'", string(setup), everybodySQL} {
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

// historySQL makes rounds and their transfers. Ids are of version 7 by their form and in the
// order of time; numbers of transactions are below all real ones and in order.
const historySQL = `
	WITH made AS (
		INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout,
		                    seed_id, nonce, params, outcome, answer, created_at, settled_at)
		SELECT new.id, e.player, 'old-' || g, sha256(int8send(g)), 'dice', 'dice-1', 'dice/1', 'settled', 'PLAY', 1, 1, 1, e.seed, g,
		       '{"direction":"under","target":5000}', '{"roll":1234,"win":true,"multiplier":"1.9801"}',
		       '{"round":{"id":"' || new.id || '","game":"dice","table":"dice-1","state":"settled","stake":1,"staked":1,"payout":1,'
		       || '"outcome":{"roll":1234,"win":true,"multiplier":"1.9801"},"nonce":' || g || ',"client_seed":"bench","server_seed_hash":"'
		       || repeat('0', 64) || '","rules":"dice/1","balance":100000}}', new.at, new.at
		FROM generate_series($1::bigint, $2::bigint) AS g
		CROSS JOIN LATERAL (SELECT now() - $3::interval + g * $4::interval AS at) AS moment
		CROSS JOIN LATERAL (
			SELECT moment.at, (lpad(to_hex((extract(epoch FROM moment.at) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(g), 15, '0'))::uuid AS id
		) AS new
		JOIN everybody e ON e.n = (g * 7919) % (SELECT count(*) FROM everybody)
		RETURNING id, player_id, created_at, nonce
	)
	INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind, round_id, created_at, tx)
	SELECT (left(made.id::text, 19) || leg.mark || substr(made.id::text, 21))::uuid,
	       CASE leg.kind WHEN 'stake' THEN e.account ELSE house.id END, CASE leg.kind WHEN 'stake' THEN house.id ELSE e.account END,
	       1, 'PLAY', leg.kind, made.id, made.created_at, made.nonce - $5::bigint
	FROM made
	JOIN everybody e ON e.player = made.player_id
	CROSS JOIN (VALUES ('a', 'stake'), ('b', 'payout')) AS leg (mark, kind)
	CROSS JOIN (SELECT id FROM ledger_accounts WHERE kind = 'house' AND asset = 'PLAY') AS house
	ORDER BY made.id, leg.mark`

// insertRounds adds n settled rounds and their transfers, some at a time.
func insertRounds(ctx context.Context, conn *pgx.Conn, n int64, from, to time.Duration) error {
	const most = 250_000
	step := (from - to) / time.Duration(max(n, 1))
	for first := int64(1); first <= n; first += most {
		if _, err := conn.Exec(ctx, historySQL, first, min(first+most-1, n), from, step, n+1); err != nil {
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
