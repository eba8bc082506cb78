-- phase: expand
-- tx: on
--
-- Players, their seed pairs and their rounds (services/actions).

CREATE DOMAIN hex_256 AS text CHECK (VALUE ~ '^[0-9a-f]{64}$');
CREATE DOMAIN client_seed AS text CHECK (VALUE ~ '^[A-Za-z0-9_-]{1,64}$');
CREATE DOMAIN seed_state AS text CHECK (VALUE IN ('next', 'active', 'revealed'));
CREATE DOMAIN idempotency_key AS text CHECK (VALUE ~ '^[A-Za-z0-9_-]{1,64}$');
CREATE DOMAIN round_state AS text CHECK (VALUE IN ('open', 'settled', 'void'));

CREATE TABLE players (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A player has one active seed and one next seed, whose hash is shown before it
-- becomes active. nonce is the one that the next bet takes; it moves under the lock
-- of the player's account, in the transaction of the stake.
CREATE TABLE seeds (
    id           uuid        PRIMARY KEY,
    player_id    uuid        NOT NULL REFERENCES players (id),
    state        seed_state  NOT NULL,
    server_seed  hex_256     NOT NULL,
    server_hash  hex_256     NOT NULL,
    client_seed  client_seed,
    nonce        bigint      NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    revealed_at  timestamptz,
    CONSTRAINT seeds_sound CHECK (nonce >= 0 AND (state = 'next') = (client_seed IS NULL))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX seeds_current ON seeds (player_id, state) WHERE state <> 'revealed';

-- A round is also the record of its idempotency key: unique per player and key,
-- with the hash of the request and the answer that was given.
CREATE TABLE rounds (
    id           uuid            PRIMARY KEY,
    player_id    uuid            NOT NULL,
    key          idempotency_key NOT NULL,
    request_hash bytea           NOT NULL,
    game         text            NOT NULL,
    table_id     text            NOT NULL,
    rules        text            NOT NULL,
    state        round_state     NOT NULL,
    asset        asset_code      NOT NULL,
    stake        bigint          NOT NULL,
    payout       bigint          NOT NULL,
    seed_id      uuid            NOT NULL,
    nonce        bigint          NOT NULL,
    params       json            NOT NULL,
    outcome      json,
    answer       text            NOT NULL,
    created_at   timestamptz     NOT NULL DEFAULT now(),
    settled_at   timestamptz,
    CONSTRAINT rounds_sound CHECK (stake > 0 AND payout >= 0 AND nonce >= 0 AND length(request_hash) = 32
        AND (state = 'open') = (settled_at IS NULL))
);

CREATE UNIQUE INDEX rounds_key ON rounds (player_id, key);
CREATE INDEX rounds_created ON rounds USING brin (created_at);

-- play_claim takes a set of bets of different players as far as the outcome needs:
-- the accounts are locked, the keys are looked up, funds are checked and the nonces
-- are moved. One row per bet, in the order given (ord counts from 1), and at, the
-- time of the transaction:
--   verdict 'new'           the nonce was taken; seed and balance are filled
--           'replay'        the key has a round; round, its hash and answer are filled
--           'insufficient'  balance is below the stake; nothing was taken
--           'no_account'    the player has no account or no active seed
-- The look-up is a statement of its own after the lock: its snapshot sees every
-- round and balance that was committed by whoever held the lock before. That needs
-- READ COMMITTED. LIMIT 1 changes no answer; it keeps the look-ups nested loops
-- over the indexes.
CREATE FUNCTION play_claim(players uuid[], keys text[], stakes bigint[], of_asset text)
RETURNS TABLE (ord bigint, verdict text, account uuid, balance bigint, seed uuid, server_seed text,
               server_hash text, client_seed text, nonce bigint, round uuid, request_hash bytea, answer text, at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM ledger_lock(players, of_asset);

    RETURN QUERY
    WITH bet AS MATERIALIZED (
        SELECT b.ord, b.player, b.stake, a.id AS account, a.balance, r.id AS round, r.request_hash, r.answer
        FROM unnest(players, keys, stakes) WITH ORDINALITY AS b (player, key, stake, ord)
        LEFT JOIN LATERAL (SELECT * FROM ledger_accounts a WHERE a.owner = b.player AND a.asset = of_asset LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT * FROM rounds r WHERE r.player_id = b.player AND r.key = b.key LIMIT 1) r ON true
    ), taken AS (
        UPDATE seeds s SET nonce = s.nonce + 1
        FROM bet
        WHERE s.player_id = bet.player AND s.state = 'active' AND bet.round IS NULL AND bet.balance >= bet.stake
        RETURNING bet.ord, s.id, s.server_seed, s.server_hash, s.client_seed, s.nonce - 1 AS nonce
    )
    SELECT bet.ord,
           CASE WHEN bet.round IS NOT NULL THEN 'replay'
                WHEN taken.id IS NOT NULL THEN 'new'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                ELSE 'no_account' END,
           bet.account, bet.balance, taken.id, taken.server_seed::text, taken.server_hash::text, taken.client_seed::text, taken.nonce,
           bet.round, bet.request_hash, bet.answer, now()
    FROM bet LEFT JOIN taken ON taken.ord = bet.ord
    ORDER BY bet.ord;
END
$$;

-- play_record stores a set of rounds that are settled at once, in the transaction
-- that claimed and pays them. It is a function so that its plan is kept in every
-- protocol mode, through a pooler too. unnest of 14 arrays would be 14 function scans.
CREATE FUNCTION play_record(ids uuid[], players uuid[], keys text[], hashes bytea[], games text[], tables text[], rules text[],
                            of_asset text, stakes bigint[], payouts bigint[], seeds uuid[], nonces bigint[],
                            params text[], outcomes text[], answers text[])
RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout,
                        seed_id, nonce, params, outcome, answer, settled_at)
    SELECT ids[i], players[i], keys[i], hashes[i], games[i], tables[i], rules[i], 'settled', of_asset, stakes[i], payouts[i],
           seeds[i], nonces[i], params[i]::json, outcomes[i]::json, answers[i], now()
    FROM generate_subscripts(ids, 1) AS i;
END
$$;

REVOKE ALL ON FUNCTION play_claim(uuid[], text[], bigint[], text),
    play_record(uuid[], uuid[], text[], bytea[], text[], text[], text[], text, bigint[], bigint[], uuid[], bigint[], text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION play_claim(uuid[], text[], bigint[], text),
    play_record(uuid[], uuid[], text[], bytea[], text[], text[], text[], text, bigint[], bigint[], uuid[], bigint[], text[], text[], text[]) TO vegas_app;
GRANT SELECT, INSERT ON players, rounds, seeds TO vegas_app;
GRANT UPDATE (state, client_seed, nonce, activated_at, revealed_at) ON seeds TO vegas_app;
