-- phase: expand
-- tx: on
--
-- What the sweep needs to verify the ledger without reading all of it each time, and
-- to stop an account that disagrees with its transfers (package shared/ledger).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- tx is the transaction that booked a transfer. Transactions do not end in the order
-- of any clock or sequence; by their ids the server can say that all up to one have
-- ended. NULL stands for all transfers from before this column; no default at once,
-- because that would rewrite the table.
ALTER TABLE ledger_transfers ADD COLUMN tx bigint;
ALTER TABLE ledger_transfers ALTER COLUMN tx SET DEFAULT (pg_current_xact_id()::text::bigint);

ALTER TABLE ledger_accounts ADD COLUMN frozen_at timestamptz, ADD COLUMN frozen_why text;

-- What the verified transfers, those with tx < horizon, add up to per account.
-- horizon is NULL until the first full pass. turn_of is the last account of the slice
-- that was compared in turn.
CREATE TABLE ledger_totals (
    account uuid       NOT NULL,
    asset   asset_code NOT NULL,
    total   numeric    NOT NULL,
    PRIMARY KEY (account, asset)
) WITH (fillfactor = 70);

CREATE TABLE ledger_checkpoint (
    only_row  boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    horizon   bigint,
    turn_of   uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    passed_at timestamptz,
    full_at   timestamptz
);

INSERT INTO ledger_checkpoint DEFAULT VALUES;

-- ledger_frozen raises. The update of a balance calls it, so that it sees the row that
-- it has locked, also when the account was frozen while the update waited.
CREATE FUNCTION ledger_frozen(account uuid) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = format('ledger: account %s is frozen', account), CONSTRAINT = 'ledger_account_not_frozen';
END
$$;

-- ledger_post is as in migration 0002 but for frozen accounts: 23514 with the
-- constraint name ledger_account_not_frozen.
CREATE OR REPLACE FUNCTION ledger_post(ids uuid[], debits uuid[], credits uuid[], amounts bigint[], kinds text[], rounds uuid[], of_asset text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    missing uuid;
BEGIN
    SELECT named.id INTO missing
    FROM unnest(debits || credits) AS named (id)
    WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.id = named.id AND a.asset = of_asset);
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = format('ledger: no account %s with asset %s', missing, of_asset);
    END IF;

    INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind, round_id)
    SELECT t.id, t.debit, t.credit, t.amount, of_asset, t.kind, t.round_id
    FROM unnest(ids, debits, credits, amounts, kinds, rounds) AS t (id, debit, credit, amount, kind, round_id);

    UPDATE ledger_accounts a
    SET balance = CASE WHEN a.frozen_at IS NULL THEN a.balance + change.delta ELSE ledger_frozen(a.id) END
    FROM (
        SELECT leg.account, sum(leg.amount)::bigint AS delta
        FROM (
            SELECT c.account, c.amount FROM unnest(credits, amounts) AS c (account, amount)
            UNION ALL
            SELECT d.account, -d.amount FROM unnest(debits, amounts) AS d (account, amount)
        ) leg
        GROUP BY leg.account
    ) change
    WHERE a.id = change.account AND a.kind = 'player';
END
$$;

-- play_claim is as in migration 0003, with one more verdict: 'frozen', and nothing was
-- taken. A set of bets goes on without the bet of a frozen account. A key that has a
-- round is still answered.
CREATE OR REPLACE FUNCTION play_claim(players uuid[], keys text[], stakes bigint[], of_asset text)
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
               r.id AS round, r.request_hash, r.answer
        FROM unnest(players, keys, stakes) WITH ORDINALITY AS b (player, key, stake, ord)
        LEFT JOIN LATERAL (SELECT * FROM ledger_accounts a WHERE a.owner = b.player AND a.asset = of_asset LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT * FROM rounds r WHERE r.player_id = b.player AND r.key = b.key LIMIT 1) r ON true
    ), taken AS (
        UPDATE seeds s SET nonce = s.nonce + 1
        FROM bet
        WHERE s.player_id = bet.player AND s.state = 'active' AND bet.round IS NULL AND bet.balance >= bet.stake AND NOT bet.frozen
        RETURNING bet.ord, s.id, s.server_seed, s.server_hash, s.client_seed, s.nonce - 1 AS nonce
    )
    SELECT bet.ord,
           CASE WHEN bet.round IS NOT NULL THEN 'replay'
                WHEN bet.frozen THEN 'frozen'
                WHEN taken.id IS NOT NULL THEN 'new'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                ELSE 'no_account' END,
           bet.account, bet.balance, taken.id, taken.server_seed::text, taken.server_hash::text, taken.client_seed::text, taken.nonce,
           bet.round, bet.request_hash, bet.answer, now()
    FROM bet LEFT JOIN taken ON taken.ord = bet.ord
    ORDER BY bet.ord;
END
$$;

-- ledger_freeze stops player accounts: nothing is posted to them any more. It returns
-- those that it has stopped. The services cannot thaw; the owner of the schema does,
-- with ledger_thaw, once it is known what went wrong.
CREATE FUNCTION ledger_freeze(ids uuid[], why text) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM ledger_accounts WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY
    UPDATE ledger_accounts SET frozen_at = now(), frozen_why = why
    WHERE id = ANY (ids) AND kind = 'player' AND frozen_at IS NULL
    RETURNING id;
END
$$;

CREATE FUNCTION ledger_thaw(account uuid) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    UPDATE ledger_accounts SET frozen_at = NULL, frozen_why = NULL WHERE id = account;
$$;

-- ledger_verify_new verifies the transfers from the checkpoint on, compares the balances
-- of the accounts that they touch, of frozen accounts and of the next accounts in turn
-- (slice of them), and moves the checkpoint to where no transaction is under way.
-- Everything is read by one statement, so of one moment. usable is false when there is no
-- checkpoint, or one that this server's transaction counter has not come to: the database
-- was restored elsewhere.
CREATE FUNCTION ledger_verify_new(slice integer, OUT usable boolean, OUT accounts bigint, OUT transfers bigint,
    OUT off bigint, OUT wrong uuid[], OUT negative bigint, OUT unknown bigint, OUT unsound bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    verified bigint;
    after    uuid;
BEGIN
    SELECT c.horizon, c.turn_of INTO verified, after FROM ledger_checkpoint c FOR UPDATE;
    usable := coalesce(verified <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint, false);
    IF NOT usable THEN
        RETURN;
    END IF;
    WITH mark AS MATERIALIZED (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
    ), fresh AS MATERIALIZED (
        SELECT t.debit, t.credit, t.asset, t.amount, t.tx < mark.horizon AS done
        FROM mark, ledger_transfers t WHERE t.tx >= verified
    ), leg AS (
        SELECT credit AS account, asset, amount, done FROM fresh
        UNION ALL
        SELECT debit, asset, -amount, done FROM fresh
    ), moved AS MATERIALIZED (
        SELECT account, asset, sum(amount) AS total, sum(amount) FILTER (WHERE done) AS done FROM leg GROUP BY account, asset
    ), kept AS (
        INSERT INTO ledger_totals AS l (account, asset, total)
        SELECT account, asset, done FROM moved WHERE done IS NOT NULL
        ON CONFLICT (account, asset) DO UPDATE SET total = l.total + excluded.total
    ), turn AS MATERIALIZED (
        SELECT id FROM ledger_accounts WHERE id > after ORDER BY id LIMIT slice
    ), passed AS (
        UPDATE ledger_checkpoint SET horizon = mark.horizon, passed_at = now(),
            turn_of = CASE WHEN (SELECT count(*) FROM turn) < slice THEN '00000000-0000-0000-0000-000000000000'
                           ELSE coalesce((SELECT id FROM turn ORDER BY id DESC LIMIT 1), turn_of) END
        FROM mark
    ), named AS (
        SELECT account FROM moved UNION SELECT id FROM turn UNION SELECT id FROM ledger_accounts WHERE frozen_at IS NOT NULL
    ), line AS (
        SELECT a.id, a.kind, a.balance, coalesce(l.total, 0) + coalesce(m.total, 0) AS total
        FROM named
        JOIN ledger_accounts a ON a.id = named.account
        LEFT JOIN ledger_totals l ON l.account = a.id AND l.asset = a.asset
        LEFT JOIN moved m ON m.account = a.id AND m.asset = a.asset
    )
    SELECT count(*),
           (SELECT count(*) FILTER (WHERE done) FROM fresh),
           coalesce(sum(abs(balance - total)), 0)::bigint,
           coalesce((array_agg(id ORDER BY id) FILTER (WHERE kind = 'player' AND balance <> total))[1:100], '{}'),
           count(*) FILTER (WHERE kind = 'player' AND least(balance, total) < 0),
           (SELECT count(*) FROM moved m WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.id = m.account AND a.asset = m.asset)),
           (SELECT count(*) FROM fresh WHERE amount <= 0 OR debit = credit)
    INTO accounts, transfers, off, wrong, negative, unknown, unsound
    FROM line;
END
$$;

-- ledger_verify_all verifies everything and makes the checkpoint anew. altered are up to
-- 100 accounts whose transfers of before the last checkpoint no longer add up to what
-- they did then: history was changed, even if every balance agrees with it.
CREATE FUNCTION ledger_verify_all(OUT accounts bigint, OUT transfers bigint, OUT off bigint, OUT wrong uuid[],
    OUT negative bigint, OUT unknown bigint, OUT unsound bigint, OUT altered uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET work_mem = '64MB' AS $$
DECLARE
    verified bigint;
BEGIN
    SELECT c.horizon INTO verified FROM ledger_checkpoint c FOR UPDATE;
    IF verified > pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN
        verified := NULL; -- of another server: says nothing about these transfers
    END IF;
    WITH mark AS MATERIALIZED (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
    ), leg AS (
        SELECT credit AS account, asset, amount, coalesce(tx, 0) AS tx, amount <= 0 OR debit = credit AS bad FROM ledger_transfers
        UNION ALL
        SELECT debit, asset, -amount, coalesce(tx, 0), false FROM ledger_transfers
    ), moved AS MATERIALIZED (
        SELECT account, asset, sum(amount) AS total, count(*) AS legs, count(*) FILTER (WHERE bad) AS bad,
               sum(amount) FILTER (WHERE tx < mark.horizon) AS done,
               sum(amount) FILTER (WHERE tx < verified) AS seen
        FROM leg, mark GROUP BY account, asset
    ), kept AS (
        INSERT INTO ledger_totals AS l (account, asset, total)
        SELECT account, asset, done FROM moved WHERE done IS NOT NULL
        ON CONFLICT (account, asset) DO UPDATE SET total = excluded.total WHERE l.total <> excluded.total
    ), gone AS (
        DELETE FROM ledger_totals l WHERE NOT EXISTS (
            SELECT FROM moved m WHERE m.account = l.account AND m.asset = l.asset AND m.done IS NOT NULL)
    ), passed AS (
        UPDATE ledger_checkpoint SET horizon = mark.horizon, passed_at = now(), full_at = now() FROM mark
    ), line AS (
        SELECT a.id, a.kind, coalesce(a.asset, m.asset) AS asset, a.balance, coalesce(m.total, 0) AS total,
               coalesce(m.legs, 0) AS legs, coalesce(m.bad, 0) AS bad
        FROM ledger_accounts a FULL JOIN moved m ON m.account = a.id AND m.asset = a.asset
    )
    SELECT count(*) FILTER (WHERE id IS NOT NULL),
           (coalesce(sum(legs), 0) / 2)::bigint,
           (SELECT coalesce(sum(abs(s.off)), 0)::bigint FROM (SELECT sum(coalesce(balance, total)) AS off FROM line GROUP BY asset) s),
           coalesce((array_agg(id ORDER BY id) FILTER (WHERE kind = 'player' AND balance <> total))[1:100], '{}'),
           count(*) FILTER (WHERE kind = 'player' AND least(balance, total) < 0),
           count(*) FILTER (WHERE id IS NULL),
           coalesce(sum(bad), 0)::bigint,
           (SELECT coalesce((array_agg(DISTINCT coalesce(l.account, m.account)))[1:100], '{}')
            FROM ledger_totals l FULL JOIN moved m ON m.account = l.account AND m.asset = l.asset
            WHERE verified IS NOT NULL AND coalesce(l.total, 0) <> coalesce(m.seen, 0))
    INTO accounts, transfers, off, wrong, negative, unknown, unsound, altered
    FROM line;
END
$$;

REVOKE ALL ON FUNCTION ledger_frozen(uuid), ledger_freeze(uuid[], text), ledger_thaw(uuid), ledger_verify_new(integer),
    ledger_verify_all() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_freeze(uuid[], text), ledger_verify_new(integer), ledger_verify_all() TO vegas_app;
GRANT SELECT ON ledger_checkpoint TO vegas_app;
