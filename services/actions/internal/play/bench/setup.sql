-- Fills a migrated database for bet.sql: 10,000 players with ids that the script can
-- compute. Run it once per database, with the rights of a service.
DO $$
DECLARE
    player  uuid;
    account uuid;
BEGIN
    FOR i IN 1..10000 LOOP
        player  := ('0190000000007000' || 'a' || lpad(i::text, 15, '0'))::uuid;
        account := ('0190000000007000' || 'b' || lpad(i::text, 15, '0'))::uuid;
        INSERT INTO players (id, name) VALUES (player, 'player ' || i);
        PERFORM ledger_open(account, player, 'PLAY');
        PERFORM ledger_post(ARRAY[('0190000000007000' || 'd' || lpad(i::text, 15, '0'))::uuid],
            ARRAY['00000000-0000-7000-8000-000000000002'::uuid], ARRAY[account], ARRAY[1000000000000], ARRAY['grant'], ARRAY[NULL::uuid], 'PLAY');
        INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, activated_at)
        VALUES (('0190000000007000' || 'c' || lpad(i::text, 15, '0'))::uuid, player, 'active', repeat('0', 64), repeat('0', 64), 'bench', now());
        INSERT INTO seeds (id, player_id, state, server_seed, server_hash)
        VALUES (('0190000000007000' || 'e' || lpad(i::text, 15, '0'))::uuid, player, 'next', repeat('1', 64), repeat('1', 64));
    END LOOP;
END
$$;
