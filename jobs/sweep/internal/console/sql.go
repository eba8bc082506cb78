package console

// The statements of the page. Those about rounds read the latest by their ids, which grow
// with time, so their cost is the same after a million rounds and after a billion.
const (
	serverSQL = `
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL), current_setting('max_connections')::bigint`

	outboxSQL = `
SELECT s.sink, count(o.id), coalesce(1000 * extract(epoch FROM clock_timestamp() - min(o.created_at)), 0)::float8
FROM (VALUES ('room'), ('fact')) AS s (sink)
LEFT JOIN outbox o ON o.sink = s.sink AND o.sent_at IS NULL
GROUP BY s.sink ORDER BY s.sink`

	ledgerSQL = `
SELECT passed_at, full_at, (SELECT count(*) FROM ledger_accounts WHERE frozen_at IS NOT NULL),
       (SELECT count(*) FROM (SELECT FROM rounds WHERE state = 'open' LIMIT 1000) AS open)
FROM ledger_checkpoint`

	gamesSQL = `
WITH latest AS MATERIALIZED (SELECT game, state, stake, payout FROM rounds ORDER BY id DESC LIMIT 10000),
settled AS (SELECT game, stake::float8, payout::float8 FROM latest WHERE state = 'settled'),
game AS (SELECT game, count(*) AS n, sum(stake) AS stake, sum(payout) AS payout, sum(payout) / sum(stake) AS rtp FROM settled GROUP BY game),
-- The spread of a ratio of sums, by the residuals of its parts.
spread AS (SELECT game, sqrt(sum((s.payout - g.rtp * s.stake) ^ 2)) / max(g.stake) AS error
           FROM settled s JOIN game g USING (game) GROUP BY game)
SELECT game, n, stake::bigint, payout::bigint, rtp,
       CASE WHEN n >= 30 THEN rtp - 2.576 * error END, CASE WHEN n >= 30 THEN rtp + 2.576 * error END
FROM game JOIN spread USING (game) ORDER BY game`

	tablesSQL = `
WITH latest AS MATERIALIZED (SELECT table_id, game, state, stake, payout, created_at FROM rounds ORDER BY id DESC LIMIT 10000)
SELECT table_id, game, count(*), count(*) FILTER (WHERE state = 'open'), sum(stake)::bigint, sum(payout)::bigint, max(created_at)
FROM latest GROUP BY table_id, game ORDER BY max(created_at) DESC LIMIT 50`

	roundsSQL = `
SELECT id, game, table_id, state::text, stake, payout, created_at FROM rounds ORDER BY id DESC LIMIT 12`

	rolloutsSQL = `
SELECT service, version, at FROM service_versions ORDER BY id DESC LIMIT 12`

	migrationsSQL = `
SELECT version, name, phase, started_at, finished_at FROM schema_migrations ORDER BY version DESC LIMIT 8`
)
