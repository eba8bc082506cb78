-- phase: expand
-- tx: on
--
-- Players, their seed pairs and their rounds (services/actions).
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
    state        text        NOT NULL CHECK (state IN ('next', 'active', 'revealed')),
    server_seed  text        NOT NULL CHECK (server_seed ~ '^[0-9a-f]{64}$'),
    server_hash  text        NOT NULL CHECK (server_hash ~ '^[0-9a-f]{64}$'),
    client_seed  text        CHECK (length(client_seed) BETWEEN 1 AND 64),
    nonce        bigint      NOT NULL DEFAULT 0 CHECK (nonce >= 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    revealed_at  timestamptz,
    CHECK ((state = 'next') = (client_seed IS NULL))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX seeds_current ON seeds (player_id, state) WHERE state <> 'revealed';

-- A round is also the record of its idempotency key: unique per player and key,
-- with the hash of the request and the answer that was given.
CREATE TABLE rounds (
    id           uuid        PRIMARY KEY,
    player_id    uuid        NOT NULL,
    key          text        NOT NULL CHECK (key ~ '^[A-Za-z0-9_-]{1,64}$'),
    request_hash bytea       NOT NULL CHECK (length(request_hash) = 32),
    game         text        NOT NULL,
    table_id     text        NOT NULL,
    rules        text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('open', 'settled', 'void')),
    asset        text        NOT NULL,
    stake        bigint      NOT NULL CHECK (stake > 0),
    payout       bigint      NOT NULL CHECK (payout >= 0),
    seed_id      uuid        NOT NULL,
    nonce        bigint      NOT NULL CHECK (nonce >= 0),
    params       json        NOT NULL,
    outcome      json,
    answer       text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    settled_at   timestamptz,
    CHECK ((state = 'open') = (settled_at IS NULL))
);

CREATE UNIQUE INDEX rounds_key ON rounds (player_id, key);
CREATE INDEX rounds_created ON rounds USING brin (created_at);

-- play_claim takes a set of bets of different players as far as the outcome needs:
-- the account is locked, the key is looked up, funds are checked and the nonce is
-- moved. One row per bet, in the order given (ord counts from 1):
--   verdict 'new'           the nonce was taken; seed and balance are filled
--           'replay'        the key has a round; its hash and answer are filled
--           'insufficient'  balance is below the stake; nothing was taken
--           'no_account'    the player has no account or no active seed
-- The look-up is a statement of its own after the lock: its snapshot sees every
-- round that was committed by whoever held the lock before.
CREATE FUNCTION play_claim(players uuid[], keys text[], stakes bigint[], of_asset text)
RETURNS TABLE (ord bigint, verdict text, account uuid, balance bigint, seed uuid, server_seed text,
               server_hash text, client_seed text, nonce bigint, request_hash bytea, answer text)
LANGUAGE plpgsql AS $$
DECLARE
    owners   uuid[];
    accounts uuid[];
    balances bigint[];
BEGIN
    SELECT array_agg(l.player), array_agg(l.account), array_agg(l.balance)
    INTO owners, accounts, balances
    FROM ledger_lock(players, of_asset) l;

    RETURN QUERY
    WITH bet AS (
        SELECT b.ord, b.player, b.key, b.stake, l.account, l.balance, r.request_hash, r.answer
        FROM unnest(players, keys, stakes) WITH ORDINALITY AS b (player, key, stake, ord)
        LEFT JOIN unnest(owners, accounts, balances) AS l (player, account, balance) ON l.player = b.player
        LEFT JOIN rounds r ON r.player_id = b.player AND r.key = b.key
    ), taken AS (
        UPDATE seeds s SET nonce = s.nonce + 1
        FROM bet
        WHERE s.player_id = bet.player AND s.state = 'active'
          AND bet.request_hash IS NULL AND bet.balance >= bet.stake
        RETURNING s.player_id, s.id, s.server_seed, s.server_hash, s.client_seed, s.nonce - 1 AS nonce
    )
    SELECT bet.ord,
           CASE WHEN bet.request_hash IS NOT NULL THEN 'replay'
                WHEN taken.id IS NOT NULL THEN 'new'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                ELSE 'no_account' END,
           bet.account, bet.balance, taken.id, taken.server_seed, taken.server_hash, taken.client_seed, taken.nonce,
           bet.request_hash, bet.answer
    FROM bet LEFT JOIN taken ON taken.player_id = bet.player
    ORDER BY bet.ord;
END
$$;

REVOKE ALL ON FUNCTION play_claim(uuid[], text[], bigint[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION play_claim(uuid[], text[], bigint[], text) TO vegas_app;
GRANT SELECT, INSERT ON players, rounds TO vegas_app;
GRANT SELECT, INSERT ON seeds TO vegas_app;
GRANT UPDATE (state, client_seed, nonce, activated_at, revealed_at) ON seeds TO vegas_app;
