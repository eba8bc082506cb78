-- Settled rounds $1 to $2 and their transfers, $3 ago and then $4 apart. Ids are of version
-- 7 by their form and in the order of time. Each round is a stake and a payout of 1.
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
    RETURNING id, player_id
), leg AS (
    SELECT (left(made.id::text, 19) || of.mark || substr(made.id::text, 21))::uuid AS id, made.id AS round, of.kind,
           CASE of.kind WHEN 'stake' THEN e.account ELSE house.id END AS debit, CASE of.kind WHEN 'stake' THEN house.id ELSE e.account END AS credit
    FROM made
    JOIN everybody e ON e.player = made.player_id
    CROSS JOIN (VALUES ('a', 'stake'), ('b', 'payout')) AS of (mark, kind)
    CROSS JOIN (SELECT id FROM ledger_accounts WHERE kind = 'house' AND asset = 'PLAY') AS house
    ORDER BY made.id, of.mark
)
SELECT ledger_post(array_agg(id), array_agg(debit), array_agg(credit), array_agg(1::bigint), array_agg(kind), array_agg(round), 'PLAY') FROM leg
