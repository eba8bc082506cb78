-- phase: expand
-- tx: on
--
-- Rounds that stay open: their stakes are held, and they take actions until they are
-- over (services/actions/internal/play).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- What is staked in an open round belongs to nobody: it lies on the account of kind hold,
-- whose balance is derived as that of the house is, and goes on to the house or back to
-- the player when the round ends. The rows that are there have passed a narrower check,
-- so they need no scan (NOT VALID).
ALTER DOMAIN ledger_account_kind DROP CONSTRAINT ledger_account_kind_check;
ALTER DOMAIN ledger_account_kind ADD CONSTRAINT ledger_account_kind_check CHECK (VALUE IN ('player', 'house', 'world', 'hold')) NOT VALID;
ALTER DOMAIN ledger_transfer_kind DROP CONSTRAINT ledger_transfer_kind_check;
ALTER DOMAIN ledger_transfer_kind ADD CONSTRAINT ledger_transfer_kind_check CHECK (VALUE IN ('grant', 'stake', 'payout', 'void', 'hold')) NOT VALID;

INSERT INTO ledger_accounts (id, kind, asset) VALUES ('00000000-0000-7000-8000-000000000003', 'hold', 'PLAY');

-- staked is all that the round has cost so far; NULL in rounds from before this column,
-- which cost their stake.
ALTER TABLE rounds ADD COLUMN staked bigint;

-- The actions of a round in their order, from 1, in the form in which they are played
-- again. An action is also the record of its idempotency key, as a round is.
CREATE TABLE round_steps (
    round_id     uuid            NOT NULL,
    n            integer         NOT NULL,
    player_id    uuid            NOT NULL,
    key          idempotency_key NOT NULL,
    request_hash bytea           NOT NULL,
    action       json            NOT NULL,
    cost         bigint          NOT NULL,
    answer       text            NOT NULL,
    created_at   timestamptz     NOT NULL DEFAULT now(),
    PRIMARY KEY (round_id, n),
    CONSTRAINT round_steps_sound CHECK (n > 0 AND cost >= 0 AND length(request_hash) = 32)
);

CREATE UNIQUE INDEX round_steps_key ON round_steps (player_id, key);

-- This play_claim is as the one of migration 0006, which older code calls, with the games
-- of the bets and, in stepped, whether their rounds take actions. One more verdict:
--   'open'  the player has an open round of the game, whose id is in round; nothing was taken
CREATE FUNCTION play_claim(players uuid[], keys text[], stakes bigint[], games text[], stepped boolean[], of_asset text)
RETURNS TABLE (ord bigint, verdict text, account uuid, balance bigint, seed uuid, server_seed text,
               server_hash text, client_seed text, nonce bigint, round uuid, request_hash bytea, answer text, at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM ledger_lock(players, of_asset);

    RETURN QUERY
    WITH bet AS MATERIALIZED (
        SELECT b.ord, b.player, b.stake, a.id AS account, a.balance, a.frozen_at IS NOT NULL AS frozen,
               r.id AS round, r.request_hash, r.answer, o.id AS under_way
        FROM unnest(players, keys, stakes, games, stepped) WITH ORDINALITY AS b (player, key, stake, game, stepped, ord)
        LEFT JOIN LATERAL (SELECT * FROM ledger_accounts a WHERE a.owner = b.player AND a.asset = of_asset LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT * FROM rounds r WHERE r.player_id = b.player AND r.key = b.key LIMIT 1) r ON true
        LEFT JOIN LATERAL (
            SELECT o.id FROM rounds o WHERE b.stepped AND o.player_id = b.player AND o.game = b.game AND o.state = 'open' LIMIT 1
        ) o ON true
    ), taken AS (
        UPDATE seeds s SET nonce = s.nonce + 1
        FROM bet
        WHERE s.player_id = bet.player AND s.state = 'active' AND bet.round IS NULL AND bet.under_way IS NULL
              AND bet.balance >= bet.stake AND NOT bet.frozen
        RETURNING bet.ord, s.id, s.server_seed, s.server_hash, s.client_seed, s.nonce - 1 AS nonce
    )
    SELECT bet.ord,
           CASE WHEN bet.round IS NOT NULL THEN 'replay'
                WHEN bet.frozen THEN 'frozen'
                WHEN bet.under_way IS NOT NULL THEN 'open'
                WHEN taken.id IS NOT NULL THEN 'new'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                ELSE 'no_account' END,
           bet.account, bet.balance, taken.id, taken.server_seed::text, taken.server_hash::text, taken.client_seed::text, taken.nonce,
           coalesce(bet.round, bet.under_way), bet.request_hash, bet.answer, now()
    FROM bet LEFT JOIN taken ON taken.ord = bet.ord
    ORDER BY bet.ord;
END
$$;

-- This play_record is as the one of migration 0003, which older code calls, for rounds of
-- either state. An open round has no outcome, and its payout is 0.
CREATE FUNCTION play_record(ids uuid[], players uuid[], keys text[], hashes bytea[], games text[], tables text[], rules text[],
                            of_asset text, stakes bigint[], payouts bigint[], seeds uuid[], nonces bigint[],
                            params text[], outcomes text[], answers text[], states text[])
RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout,
                        seed_id, nonce, params, outcome, answer, settled_at)
    SELECT ids[i], players[i], keys[i], hashes[i], games[i], tables[i], rules[i], states[i], of_asset, stakes[i], stakes[i], payouts[i],
           seeds[i], nonces[i], params[i]::json, outcomes[i]::json, answers[i], CASE WHEN states[i] <> 'open' THEN now() END
    FROM generate_subscripts(ids, 1) AS i;
END
$$;

-- play_step_claim takes an action of a player as far as the rules need: the account is
-- locked, the key is looked up, and the round is read with its actions. One row:
--   verdict 'new'        the round is filled, in whatever state it is
--           'replay'     the key has an action; the round of it, its hash and answer are filled
--           'frozen'     the account is frozen
--           'not_found'  the player has no such round, or no account
CREATE FUNCTION play_step_claim(player uuid, of_key text, of_round uuid,
    OUT verdict text, OUT account uuid, OUT balance bigint, OUT round uuid, OUT game text, OUT table_id text, OUT rules text,
    OUT state text, OUT asset text, OUT params text, OUT actions text[], OUT stake bigint, OUT staked bigint, OUT seed uuid, OUT nonce bigint,
    OUT server_seed text, OUT server_hash text, OUT client_seed text, OUT request_hash bytea, OUT answer text, OUT at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
    FROM ledger_accounts a WHERE a.owner = player AND a.asset = play_step_claim.asset;
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
           s.server_seed, s.server_hash, s.client_seed,
           ARRAY(SELECT t.action::text FROM round_steps t WHERE t.round_id = r.id ORDER BY t.n)
    INTO game, table_id, rules, state, params, stake, staked, seed, nonce, server_seed, server_hash, client_seed, actions
    FROM rounds r JOIN seeds s ON s.id = r.seed_id
    WHERE r.id = round AND r.player_id = player;
    IF NOT FOUND OR verdict = 'replay' THEN
        RETURN;
    END IF;
    verdict := CASE WHEN frozen THEN 'frozen' ELSE 'new' END;
END
$$;

-- play_step stores an action and what it made of the round, in the transaction that
-- claimed it. new_state other than open ends the round. It runs with the owner's rights:
-- the services may not change what a round cost or paid in any other way.
CREATE FUNCTION play_step(of_round uuid, step integer, player uuid, of_key text, hash bytea, of_action text, step_cost bigint, of_answer text,
                          new_state text, new_staked bigint, new_payout bigint, new_outcome text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO round_steps (round_id, n, player_id, key, request_hash, action, cost, answer)
    VALUES (of_round, step, player, of_key, hash, of_action::json, step_cost, of_answer);
    UPDATE rounds r SET state = new_state, staked = new_staked, payout = new_payout, outcome = new_outcome::json,
                        settled_at = CASE WHEN new_state <> 'open' THEN now() END
    WHERE r.id = of_round AND r.state = 'open' AND (new_state <> 'open' OR r.staked IS DISTINCT FROM new_staked);
    IF NOT FOUND AND new_state <> 'open' THEN
        RAISE check_violation USING MESSAGE = format('play: round %s is not open', of_round);
    END IF;
END
$$;

-- prune_steps lets go of the idempotency keys of actions, as prune_keys does of rounds.
INSERT INTO prune_marks (name) VALUES ('steps');

CREATE FUNCTION prune_steps(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
    seen   uuid;
    latest uuid;
BEGIN
    SELECT m.upto INTO seen FROM prune_marks m WHERE m.name = 'steps' FOR UPDATE;
    -- Whole rounds at a time: the mark is a round's id.
    SELECT count(*), (array_agg(b.round_id ORDER BY b.round_id DESC))[1] INTO looked, latest
    FROM (SELECT s.round_id FROM round_steps s WHERE s.round_id > seen AND s.round_id < uuid_at(before) ORDER BY s.round_id LIMIT most) b;
    done := 0;
    IF looked = 0 THEN
        RETURN;
    END IF;
    UPDATE round_steps s SET key = 'expired-' || s.round_id || '-' || s.n, answer = ''
    FROM rounds r
    WHERE s.round_id > seen AND s.round_id <= latest AND r.id = s.round_id AND r.state <> 'open' AND s.created_at < before;
    GET DIAGNOSTICS done = ROW_COUNT;
    UPDATE prune_marks m SET upto = latest WHERE m.name = 'steps';
END
$$;

REVOKE ALL ON FUNCTION play_claim(uuid[], text[], bigint[], text[], boolean[], text),
    play_record(uuid[], uuid[], text[], bytea[], text[], text[], text[], text, bigint[], bigint[], uuid[], bigint[], text[], text[], text[], text[]),
    play_step_claim(uuid, text, uuid), play_step(uuid, integer, uuid, text, bytea, text, bigint, text, text, bigint, bigint, text),
    prune_steps(interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION play_claim(uuid[], text[], bigint[], text[], boolean[], text),
    play_record(uuid[], uuid[], text[], bytea[], text[], text[], text[], text, bigint[], bigint[], uuid[], bigint[], text[], text[], text[], text[]),
    play_step_claim(uuid, text, uuid), play_step(uuid, integer, uuid, text, bytea, text, bigint, text, text, bigint, bigint, text),
    prune_steps(interval, integer) TO vegas_app;
GRANT SELECT, INSERT ON round_steps TO vegas_app;
