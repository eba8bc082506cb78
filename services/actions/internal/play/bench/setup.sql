-- Fills a migrated database for bet.sql: 10,000 players with ids that the script can
-- compute. Run it once per database, with the rights of a service.
BEGIN;

CREATE TEMP TABLE newcomers ON COMMIT DROP AS
SELECT i, ('0190000000007000' || 'a' || lpad(i::text, 15, '0'))::uuid AS player, ('0190000000007000' || 'b' || lpad(i::text, 15, '0'))::uuid AS account
FROM generate_series(1, 10000) AS i;

INSERT INTO players (id, name) SELECT player, 'player ' || i FROM newcomers;

SELECT count(ledger_open(account, player, 'PLAY')) FROM newcomers;

SELECT ledger_post(array_agg(('0190000000007000' || 'd' || lpad(i::text, 15, '0'))::uuid),
    array_agg('00000000-0000-7000-8000-000000000002'::uuid), array_agg(account), array_agg(1000000000000), array_agg('grant'::text), array_agg(NULL::uuid), 'PLAY')
FROM newcomers;

INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, activated_at)
SELECT ('0190000000007000' || 'c' || lpad(i::text, 15, '0'))::uuid, player, 'active', repeat('0', 64), repeat('0', 64), 'bench', now() FROM newcomers;

INSERT INTO seeds (id, player_id, state, server_seed, server_hash)
SELECT ('0190000000007000' || 'e' || lpad(i::text, 15, '0'))::uuid, player, 'next', repeat('1', 64), repeat('1', 64) FROM newcomers;

COMMIT;
