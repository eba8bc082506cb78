package bench

// kind is one kind of rows that jobs/sweep prunes, with its limits.
type kind struct {
	name string
	sql  string // of a batch
	fill string // makes old rows; those of rounds are there
	left string // counts old rows that should have gone
}

// accounts is how many players setup.sql makes.
const accounts = 10_000

// kinds are those of jobs/sweep that have rows here. Ids are of version 7 where the
// functions go by them.
var kinds = []kind{
	{
		name: "keys",
		sql:  `SELECT looked, done FROM prune_keys('30 days', $1)`,
		left: `SELECT count(*) FROM rounds WHERE created_at < now() - interval '30 days' AND answer <> ''`,
	},
	{
		name: "steps",
		sql:  `SELECT looked, done FROM prune_steps('30 days', $1)`,
		fill: `INSERT INTO round_steps (round_id, n, player_id, key, request_hash, action, cost, answer, created_at)
			SELECT r.id, 1, r.player_id, 'step-' || r.nonce, r.request_hash, '{"action":"reveal","tile":3}', 0, r.answer, r.created_at
			FROM rounds r ORDER BY r.id LIMIT $1`,
		left: `SELECT count(*) FROM round_steps WHERE created_at < now() - interval '30 days' AND answer <> ''`,
	},
	{
		name: "guests",
		sql:  `SELECT looked, done FROM prune_guests('30 days', $1)`,
		fill: `WITH made AS (
				INSERT INTO players (id, name, created_at)
				SELECT (lpad(to_hex((extract(epoch FROM now() - interval '60 days') * 1000)::bigint + g / 10), 12, '0') || '70008' || lpad(to_hex(g), 15, '0'))::uuid,
				       'Guest ' || g, now() - interval '60 days'
				FROM generate_series(1, $1::bigint) AS g RETURNING id
			)
			INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, created_at)
			SELECT gen_random_uuid(), made.id, state, repeat('0', 64), repeat('0', 64), CASE state WHEN 'active' THEN 'bench' END, now() - interval '60 days'
			FROM made CROSS JOIN unnest(ARRAY['active', 'next']) AS state`,
		left: `SELECT count(*) FROM players WHERE created_at < now() - interval '30 days'`,
	},
	{
		name: "outbox",
		sql:  `SELECT looked, done FROM prune_outbox('7 days', $1)`,
		fill: `INSERT INTO outbox (event_id, sink, lane, key, type, body, created_at, sent_at)
			SELECT gen_random_uuid(), 'room', g % 8, 'table:dice-1', 'round',
			       json_build_array(json_build_object('id', gen_random_uuid(), 'game', 'dice', 'table', 'dice-1', 'state', 'settled', 'outcome', repeat('x', 400))),
			       now() - interval '60 days', now() - interval '60 days'
			FROM generate_series(1, $1::bigint) AS g`,
		left: `SELECT count(*) FROM outbox WHERE sent_at < now() - interval '7 days'`,
	},
	{
		name: "handled",
		sql:  `SELECT looked, done FROM prune_handled('32 days', $1)`,
		fill: `INSERT INTO handled_events (consumer, event_id, handled_at)
			SELECT 'leaderboard', gen_random_uuid(), now() - interval '60 days' FROM generate_series(1, $1::bigint) AS g`,
		left: `SELECT count(*) FROM handled_events WHERE handled_at < now() - interval '32 days'`,
	},
}
