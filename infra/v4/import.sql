-- Players of v4 with their balances, in one transaction: all or none. It reads
--
--   v4_players (id uuid, name text, balance bigint)   -- minor units of play money
--
-- which migration-from-v4.md fills. A player who is here already is left alone, so it
-- may be run again with more. Run it as the owner of the schema, with search_path at it.
BEGIN;

CREATE TEMPORARY TABLE newcomers ON COMMIT DROP AS
SELECT v.id, v.name, v.balance, gen_random_uuid() AS account
FROM v4_players v
WHERE NOT EXISTS (SELECT FROM players p WHERE p.id = v.id);

INSERT INTO players (id, name) SELECT id, name FROM newcomers;

-- Each has an account that holds what v4 said, as a grant of the world.
SELECT count(ledger_open(account, id, 'PLAY')) AS accounts FROM newcomers;

SELECT ledger_post(array_agg(gen_random_uuid()), array_agg(w.id), array_agg(n.account), array_agg(n.balance),
                   array_agg('grant'::text), array_agg(NULL::uuid), 'PLAY')
FROM newcomers n, ledger_accounts w
WHERE w.kind = 'world' AND w.asset = 'PLAY' AND n.balance > 0
HAVING count(*) > 0;

-- A pair of seeds that is active, and the next one. gen_random_uuid has 122 random bits
-- from the system's generator; two of them make a seed.
INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, activated_at)
SELECT gen_random_uuid(), s.player, s.state, s.seed, encode(sha256(s.seed::bytea), 'hex'),
       CASE s.state WHEN 'active' THEN replace(gen_random_uuid()::text, '-', '') END,
       CASE s.state WHEN 'active' THEN now() END
FROM (
    SELECT n.id AS player, state,
           encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex') AS seed
    FROM newcomers n, unnest(ARRAY ['active', 'next']) AS state
) s;

-- What was brought is what v4 had, or nothing is brought.
DO $$
DECLARE
    wrong bigint;
BEGIN
    SELECT count(*) INTO wrong
    FROM newcomers n LEFT JOIN ledger_accounts a ON a.owner = n.id AND a.asset = 'PLAY'
    WHERE a.balance IS DISTINCT FROM n.balance;
    IF wrong > 0 THEN
        RAISE EXCEPTION '% balances are not those of v4', wrong;
    END IF;
END
$$;

COMMIT;
