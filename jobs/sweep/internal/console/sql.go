package console

// The statements of the page. Those about rounds read the latest by their ids, which grow
// with time: those of the last hour, but no more than mostRounds. So their cost is the same
// after a million rounds and after a billion.
const (
	latestSQL = `
WITH latest AS MATERIALIZED (
    SELECT table_id, game, state, stake, payout, created_at FROM rounds
    WHERE id >= uuid_at(now() - interval '1 hour') ORDER BY id DESC LIMIT 10000)`

	serverSQL = `
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL), current_setting('max_connections')::bigint`

	outboxSQL = `
SELECT s.sink, count(o.created_at), coalesce(1000 * extract(epoch FROM clock_timestamp() - min(o.created_at)), 0)::float8
FROM (VALUES ('room'), ('fact')) AS s (sink)
CROSS JOIN generate_series(0, 7) AS l (lane)
LEFT JOIN LATERAL (SELECT created_at FROM outbox WHERE sink = s.sink AND lane = l.lane::smallint AND sent_at IS NULL ORDER BY id LIMIT 2000) o ON true
GROUP BY s.sink ORDER BY s.sink`

	ledgerSQL = `
SELECT passed_at, full_at, (SELECT count(*) FROM ledger_accounts WHERE frozen_at IS NOT NULL),
       (SELECT count(*) FROM (SELECT FROM rounds WHERE state = 'open' LIMIT 1000) AS open)
FROM ledger_checkpoint`

	gamesSQL = latestSQL + `
SELECT game, count(*), sum(stake)::bigint, sum(payout)::bigint
FROM latest WHERE state = 'settled' GROUP BY game ORDER BY game`

	tablesSQL = latestSQL + `
SELECT table_id, game, count(*), count(*) FILTER (WHERE state = 'open'), sum(stake)::bigint,
       coalesce(sum(payout) FILTER (WHERE state <> 'void'), 0)::bigint, max(created_at)
FROM latest GROUP BY table_id, game ORDER BY max(created_at) DESC LIMIT 50`

	roundsSQL = `
SELECT id, game, table_id, state::text, stake, payout, created_at FROM rounds ORDER BY id DESC LIMIT 12`

	rolloutsSQL = `
SELECT service, version, at FROM service_versions ORDER BY id DESC LIMIT 12`

	migrationsSQL = `
SELECT version, name, phase, started_at, finished_at FROM schema_migrations ORDER BY version DESC LIMIT 8`
)
