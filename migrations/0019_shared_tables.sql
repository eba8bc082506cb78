-- phase: expand
-- tx: on
--
-- Shared tables, where one draw decides the bets of all who are there
-- (services/actions/internal/tables). The rounds of their bets are in rounds as any other;
-- their seed_id is the round of the table, their nonce its seq.

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

CREATE DOMAIN table_state AS text CHECK (VALUE IN ('open', 'locked', 'settled', 'void'));

-- Whoever moves a table on holds the lock of its row here. fence is the highest number of
-- a croupier's lease that was seen: who has a lower one leads no more.
CREATE TABLE table_clocks (
    table_id text   PRIMARY KEY,
    fence    bigint NOT NULL DEFAULT 0
);

-- A chain commits to the rounds of a table in advance (shared/fair): root is the game hash
-- that is played last, and is as secret as any server seed.
CREATE TABLE table_chains (
    id         uuid        PRIMARY KEY,
    table_id   text        NOT NULL,
    root       hex_256     NOT NULL,
    commitment hex_256     NOT NULL,
    salt       client_seed NOT NULL,
    links      integer     NOT NULL,
    used       integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT table_chains_sound CHECK (links > 0 AND used BETWEEN 0 AND links)
);

CREATE UNIQUE INDEX table_chains_current ON table_chains (table_id) WHERE used < links;

-- The rounds of a table, numbered without holes. Bets are taken until locks_at; the result
-- is there at due_at, which players may not know: it can tell the result. Of a round of a
-- chain server_seed is the game hash, server_hash the one that was played before, and
-- client_seed the salt.
CREATE TABLE table_rounds (
    id          uuid        PRIMARY KEY,
    table_id    text        NOT NULL,
    seq         bigint      NOT NULL,
    game        text        NOT NULL,
    rules       text        NOT NULL,
    state       table_state NOT NULL DEFAULT 'open',
    server_seed hex_256     NOT NULL,
    server_hash hex_256     NOT NULL,
    client_seed client_seed NOT NULL,
    chain_id    uuid        REFERENCES table_chains (id),
    link        integer,
    opened_at   timestamptz NOT NULL,
    locks_at    timestamptz NOT NULL,
    locked_at   timestamptz,
    due_at      timestamptz,
    settled_at  timestamptz,
    outcome     json,
    CONSTRAINT table_rounds_sound CHECK (seq > 0 AND locks_at > opened_at AND (chain_id IS NULL) = (link IS NULL)
        AND (state IN ('settled', 'void')) = (settled_at IS NOT NULL) AND (state = 'settled') = (outcome IS NOT NULL)
        AND (locked_at IS NULL) = (due_at IS NULL) AND (state NOT IN ('locked', 'settled') OR locked_at IS NOT NULL))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX table_rounds_seq ON table_rounds (table_id, seq);
CREATE UNIQUE INDEX table_rounds_unsettled ON table_rounds (table_id) WHERE state IN ('open', 'locked');

-- round_sources are where rounds have their draws from, of players and of tables.
CREATE VIEW round_sources AS
    SELECT s.id, s.client_seed::text AS client_seed, s.server_hash::text AS server_hash,
           CASE WHEN s.state = 'revealed' THEN s.server_seed::text END AS server_seed, NULL::uuid AS chain_id, NULL::integer AS link
    FROM seeds s
    UNION ALL
    SELECT t.id, t.client_seed::text, t.server_hash::text,
           CASE WHEN t.state IN ('settled', 'void') THEN t.server_seed::text END, t.chain_id, t.link
    FROM table_rounds t;

-- play_claim_shared is play_claim for bets at shared tables. A bet is in time when the
-- round of its table was open at a moment of this call: the row is locked then, and the
-- round is not closed before the bet is committed. Two more verdicts:
--   'closed'  no bets are taken at the table now
--   'full'    the player has so many bets in this round of the table already
CREATE FUNCTION play_claim_shared(players uuid[], keys text[], stakes bigint[], tables text[], most integer, of_asset text)
RETURNS TABLE (ord bigint, verdict text, account uuid, balance bigint, seed uuid, server_seed text,
               server_hash text, client_seed text, nonce bigint, round uuid, request_hash bytea, answer text, at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    house boolean := coalesce(current_setting('play.maxima', true), '') <> '';
    held  uuid[] := '{}';
    one   uuid;
BEGIN
    PERFORM FROM ledger_lock(players, of_asset);
    FOR one IN
        SELECT t.id FROM table_rounds t
        WHERE t.table_id = ANY (tables) AND t.state = 'open' AND t.locks_at > clock_timestamp()
        ORDER BY t.id FOR SHARE
    LOOP
        held := held || one;
    END LOOP;

    RETURN QUERY
    WITH bet AS MATERIALIZED (
        SELECT b.ord, b.player, b.stake, a.id AS account, a.balance, a.frozen_at IS NOT NULL AS frozen,
               r.id AS round, r.request_hash, r.answer, t.id AS seed, t.server_hash, t.client_seed, t.seq,
               (SELECT count(*) FROM rounds o WHERE o.seed_id = t.id AND o.player_id = b.player AND o.state = 'open') AS bets,
               CASE WHEN house OR EXISTS (SELECT FROM player_protection p WHERE p.player_id = b.player)
                    THEN play_refusal(b.player, b.stake)::text END AS refusal
        FROM unnest(players, keys, stakes, tables) WITH ORDINALITY AS b (player, key, stake, table_id, ord)
        LEFT JOIN LATERAL (SELECT * FROM ledger_accounts a WHERE a.owner = b.player AND a.asset = of_asset LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT * FROM rounds r WHERE r.player_id = b.player AND r.key = b.key LIMIT 1) r ON true
        LEFT JOIN LATERAL (
            SELECT t.* FROM table_rounds t WHERE t.table_id = b.table_id AND t.state = 'open' AND t.id = ANY (held) LIMIT 1
        ) t ON true
    )
    SELECT bet.ord,
           CASE WHEN bet.round IS NOT NULL THEN 'replay'
                WHEN bet.account IS NULL THEN 'no_account'
                WHEN bet.frozen THEN 'frozen'
                WHEN bet.refusal IS NOT NULL THEN 'refused'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                WHEN bet.seed IS NULL THEN 'closed'
                WHEN bet.bets >= most THEN 'full'
                ELSE 'new' END,
           bet.account, bet.balance, bet.seed, NULL::text, bet.server_hash::text, bet.client_seed::text, bet.seq,
           bet.round, bet.request_hash, coalesce(bet.answer, bet.refusal), now()
    FROM bet
    ORDER BY bet.ord;
END
$$;

-- play_action_claim is as play_step_claim of migration 0010, which older code calls, and
-- knows the bets at shared tables: table_state is the state of the table's round, and at_ms
-- how long ago that was closed for bets, by this server's clock, when the account is locked
-- already. Both are NULL for a player's own rounds.
CREATE FUNCTION play_action_claim(player uuid, of_key text, of_round uuid,
    OUT verdict text, OUT account uuid, OUT balance bigint, OUT round uuid, OUT game text, OUT table_id text, OUT rules text,
    OUT state text, OUT asset text, OUT params text, OUT actions text[], OUT stake bigint, OUT staked bigint, OUT seed uuid, OUT nonce bigint,
    OUT server_seed text, OUT server_hash text, OUT client_seed text, OUT request_hash bytea, OUT answer text, OUT at timestamptz,
    OUT table_state text, OUT at_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    frozen boolean;
BEGIN
    verdict := 'not_found';
    at := now();
    round := of_round;
    SELECT r.asset INTO asset FROM rounds r WHERE r.id = of_round AND r.player_id = player;
    IF NOT FOUND THEN -- the key may be that of another round
        asset := 'PLAY';
    END IF;
    PERFORM FROM ledger_lock(ARRAY[player], asset);
    SELECT a.id, a.balance, a.frozen_at IS NOT NULL INTO account, balance, frozen
    FROM ledger_accounts a WHERE a.owner = player AND a.asset = play_action_claim.asset;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT s.round_id, s.request_hash, s.answer INTO round, request_hash, answer
    FROM round_steps s WHERE s.player_id = player AND s.key = of_key;
    IF FOUND THEN
        verdict := 'replay';
    ELSE
        round := of_round;
    END IF;
    SELECT r.game, r.table_id, r.rules, r.state, r.params::text, r.stake, coalesce(r.staked, r.stake), r.seed_id, r.nonce,
           coalesce(s.server_seed, t.server_seed), coalesce(s.server_hash, t.server_hash), coalesce(s.client_seed, t.client_seed),
           ARRAY(SELECT a.action::text FROM round_steps a WHERE a.round_id = r.id ORDER BY a.n),
           t.state, floor(extract(epoch FROM clock_timestamp() - t.locked_at) * 1000)
    INTO game, table_id, rules, state, params, stake, staked, seed, nonce, server_seed, server_hash, client_seed, actions, table_state, at_ms
    FROM rounds r LEFT JOIN seeds s ON s.id = r.seed_id LEFT JOIN table_rounds t ON t.id = r.seed_id
    WHERE r.id = round AND r.player_id = player AND (s.id IS NOT NULL OR t.id IS NOT NULL);
    IF NOT FOUND OR verdict = 'replay' THEN
        RETURN;
    END IF;
    verdict := CASE WHEN frozen THEN 'frozen' ELSE 'new' END;
END
$$;

-- play_bets takes open bets of a table's round, at most so many, and locks the accounts of
-- their players. Bets of frozen accounts stay where they are until the house has looked
-- into them. The bets are read again after the lock: some may have ended meanwhile.
CREATE FUNCTION play_bets(of_seed uuid, most integer, of_asset text)
RETURNS TABLE (round uuid, player uuid, name text, account uuid, balance bigint, rules text, stake bigint, params text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    bets    uuid[];
    players uuid[];
BEGIN
    SELECT array_agg(b.id), array_agg(DISTINCT b.player_id) INTO bets, players
    FROM (
        SELECT r.id, r.player_id FROM rounds r
        WHERE r.seed_id = of_seed AND r.state = 'open' AND EXISTS (
            SELECT FROM ledger_accounts a WHERE a.owner = r.player_id AND a.asset = of_asset AND a.frozen_at IS NULL)
        LIMIT most
    ) b;
    PERFORM FROM ledger_lock(players, of_asset);
    RETURN QUERY
    SELECT r.id, r.player_id, coalesce(p.name, ''), a.id, a.balance, r.rules, r.stake, r.params::text
    FROM unnest(bets) AS b (id)
    JOIN rounds r ON r.id = b.id AND r.state = 'open'
    JOIN ledger_accounts a ON a.owner = r.player_id AND a.asset = of_asset AND a.frozen_at IS NULL
    LEFT JOIN players p ON p.id = r.player_id
    ORDER BY r.id;
END
$$;

-- play_end settles rounds that are open, in the transaction that has locked their accounts.
-- actions[i] is the one that the table takes for the round, or NULL. It runs with the
-- owner's rights, as play_step does.
CREATE FUNCTION play_end(of_rounds uuid[], players uuid[], payouts bigint[], outcomes text[], keys text[], hashes bytea[], actions text[], answers text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    ended integer;
BEGIN
    INSERT INTO round_steps (round_id, n, player_id, key, request_hash, action, cost, answer)
    SELECT of_rounds[i], 1, players[i], keys[i], hashes[i], actions[i]::json, 0, answers[i]
    FROM generate_subscripts(of_rounds, 1) AS i WHERE actions[i] IS NOT NULL;
    UPDATE rounds r SET state = 'settled', payout = payouts[i], outcome = outcomes[i]::json, settled_at = now()
    FROM generate_subscripts(of_rounds, 1) AS i WHERE r.id = of_rounds[i] AND r.state = 'open';
    GET DIAGNOSTICS ended = ROW_COUNT;
    IF ended <> cardinality(of_rounds) THEN
        RAISE check_violation USING MESSAGE = format('play: %s of %s rounds are not open', cardinality(of_rounds) - ended, cardinality(of_rounds));
    END IF;
END
$$;

-- table_claim locks the clock of a table and reads its newest round. of_fence is that of a
-- croupier's lease, NULL for whoever has none. When a newer leader was there, stale is true,
-- and nothing but fence is filled. at is the time of this server.
CREATE FUNCTION table_claim(of_table text, of_fence bigint,
    OUT stale boolean, OUT fence bigint, OUT id uuid, OUT seq bigint, OUT rules text, OUT state text,
    OUT server_seed text, OUT server_hash text, OUT client_seed text, OUT chain_id uuid, OUT link integer,
    OUT opened_at timestamptz, OUT locks_at timestamptz, OUT locked_at timestamptz, OUT due_at timestamptz, OUT settled_at timestamptz,
    OUT at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    SELECT c.fence INTO fence FROM table_clocks c WHERE c.table_id = of_table FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO table_clocks (table_id) VALUES (of_table) ON CONFLICT DO NOTHING;
        SELECT c.fence INTO fence FROM table_clocks c WHERE c.table_id = of_table FOR UPDATE;
    END IF;
    stale := coalesce(of_fence < fence, false);
    IF stale THEN
        RETURN;
    END IF;
    IF of_fence > fence THEN
        UPDATE table_clocks c SET fence = of_fence WHERE c.table_id = of_table;
        fence := of_fence;
    END IF;
    SELECT t.id, t.seq, t.rules, t.state, t.server_seed, t.server_hash, t.client_seed, t.chain_id, t.link,
           t.opened_at, t.locks_at, t.locked_at, t.due_at, t.settled_at
    INTO id, seq, rules, state, server_seed, server_hash, client_seed, chain_id, link, opened_at, locks_at, locked_at, due_at, settled_at
    FROM table_rounds t WHERE t.table_id = of_table ORDER BY t.seq DESC LIMIT 1;
    at := clock_timestamp();
END
$$;

-- table_open opens the next round of a table, for the caller of table_claim.
CREATE FUNCTION table_open(of_round uuid, of_table text, of_game text, of_rules text, seed text, hash text, client text, of_chain uuid, betting_ms bigint,
    OUT seq bigint, OUT link integer, OUT opened_at timestamptz, OUT locks_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    opened_at := clock_timestamp();
    locks_at := opened_at + betting_ms * interval '1 ms';
    IF of_chain IS NOT NULL THEN
        UPDATE table_chains c SET used = c.used + 1 WHERE c.id = of_chain AND c.table_id = of_table RETURNING c.used INTO STRICT link;
    END IF;
    INSERT INTO table_rounds AS t (id, table_id, seq, game, rules, server_seed, server_hash, client_seed, chain_id, link, opened_at, locks_at)
    SELECT of_round, of_table, coalesce(max(o.seq), 0) + 1, of_game, of_rules, seed, hash, client, of_chain,
           table_open.link, table_open.opened_at, table_open.locks_at
    FROM table_rounds o WHERE o.table_id = of_table
    RETURNING t.seq INTO seq;
END
$$;

-- table_lock closes a round for bets, for the caller of table_claim: it waits for the bets
-- that are under way, and the time counts from there. last_ms later the result is there.
CREATE FUNCTION table_lock(of_round uuid, last_ms bigint, OUT locked_at timestamptz, OUT due_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM table_rounds t WHERE t.id = of_round FOR UPDATE;
    locked_at := clock_timestamp();
    due_at := locked_at + last_ms * interval '1 ms';
    UPDATE table_rounds t SET state = 'locked', locked_at = table_lock.locked_at, due_at = table_lock.due_at
    WHERE t.id = of_round AND t.state = 'open' AND t.locks_at <= table_lock.locked_at;
    IF NOT FOUND THEN
        RAISE check_violation USING MESSAGE = format('table: round %s cannot be closed', of_round);
    END IF;
END
$$;

-- table_settle ends a round whose bets have ended, but those of frozen accounts, for the
-- caller of table_claim.
CREATE FUNCTION table_settle(of_round uuid, of_asset text, result text, OUT settled_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    settled_at := clock_timestamp();
    UPDATE table_rounds t SET state = 'settled', settled_at = table_settle.settled_at, outcome = result::json
    WHERE t.id = of_round AND t.state = 'locked' AND t.due_at <= table_settle.settled_at AND NOT EXISTS (
        SELECT FROM rounds r JOIN ledger_accounts a ON a.owner = r.player_id AND a.asset = of_asset AND a.frozen_at IS NULL
        WHERE r.seed_id = of_round AND r.state = 'open');
    IF NOT FOUND THEN
        RAISE check_violation USING MESSAGE = format('table: round %s cannot be settled', of_round);
    END IF;
END
$$;

-- table_void ends a round that counts for nobody; the stakes go back bet by bet. It returns
-- false when the round has ended already.
CREATE FUNCTION table_void(of_round uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM table_clocks c JOIN table_rounds t ON t.table_id = c.table_id WHERE t.id = of_round FOR UPDATE OF c;
    UPDATE table_rounds t SET state = 'void', settled_at = clock_timestamp() WHERE t.id = of_round AND t.state IN ('open', 'locked');
    RETURN FOUND;
END
$$;

-- table_chain_start begins the chain whose links a table plays from now on.
CREATE FUNCTION table_chain_start(of_chain uuid, of_table text, of_root text, of_commitment text, of_salt text, of_links integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO table_chains (id, table_id, root, commitment, salt, links) VALUES (of_chain, of_table, of_root, of_commitment, of_salt, of_links);
$$;

REVOKE ALL ON FUNCTION play_claim_shared(uuid[], text[], bigint[], text[], integer, text), play_action_claim(uuid, text, uuid),
    play_bets(uuid, integer, text), play_end(uuid[], uuid[], bigint[], text[], text[], bytea[], text[], text[]),
    table_claim(text, bigint), table_open(uuid, text, text, text, text, text, text, uuid, bigint), table_lock(uuid, bigint),
    table_settle(uuid, text, text), table_void(uuid), table_chain_start(uuid, text, text, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION play_claim_shared(uuid[], text[], bigint[], text[], integer, text), play_action_claim(uuid, text, uuid),
    play_bets(uuid, integer, text), play_end(uuid[], uuid[], bigint[], text[], text[], bytea[], text[], text[]),
    table_claim(text, bigint), table_open(uuid, text, text, text, text, text, text, uuid, bigint), table_lock(uuid, bigint),
    table_settle(uuid, text, text), table_void(uuid), table_chain_start(uuid, text, text, text, text, integer) TO vegas_app;
GRANT SELECT ON table_rounds, table_chains, round_sources TO vegas_app;
