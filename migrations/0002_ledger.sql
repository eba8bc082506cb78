-- phase: expand
-- tx: on
--
-- The double-entry ledger of package shared/ledger. A transfer moves amount > 0
-- from its debit account to its credit account, so the sum over all accounts is
-- zero by construction. Amounts are integers in minor units of the asset.
--
-- Only player accounts store a balance. The house and the world take part in
-- every bet, so a stored balance there would be one row that all bets wait for;
-- theirs is derived from the transfers.

-- The functions of this file are fixed to this schema, with pg_temp last, so that
-- a caller's temporary table never stands in for one of ours.
SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- What never changes after the insert is checked by domains: a table's own checks
-- run again on each update, and the balance is updated by every bet.
CREATE DOMAIN asset_code AS text CHECK (VALUE ~ '^[A-Z]{3,8}$');
CREATE DOMAIN ledger_account_kind AS text CHECK (VALUE IN ('player', 'house', 'world'));
CREATE DOMAIN ledger_transfer_kind AS text CHECK (VALUE IN ('grant', 'stake', 'payout', 'void'));

CREATE TABLE ledger_accounts (
    id         uuid                PRIMARY KEY,
    kind       ledger_account_kind NOT NULL,
    owner      uuid,
    asset      asset_code          NOT NULL,
    balance    bigint              CONSTRAINT ledger_balance_not_negative CHECK (balance >= 0),
    created_at timestamptz         NOT NULL DEFAULT now(),
    CONSTRAINT ledger_only_players_store_a_balance
        CHECK ((kind = 'player') = (balance IS NOT NULL) AND (kind = 'player') = (owner IS NOT NULL))
) WITH (fillfactor = 70); -- room for heap-only updates: balance is in no index

CREATE UNIQUE INDEX ledger_accounts_owner ON ledger_accounts (owner, asset) WHERE owner IS NOT NULL;
CREATE UNIQUE INDEX ledger_accounts_shared ON ledger_accounts (kind, asset) WHERE owner IS NULL;

INSERT INTO ledger_accounts (id, kind, asset) VALUES
    ('00000000-0000-7000-8000-000000000001', 'house', 'PLAY'),
    ('00000000-0000-7000-8000-000000000002', 'world', 'PLAY');

-- No foreign keys to the accounts: every bet would lock the house's row for share.
-- ledger_post refuses an account that does not exist, and it is the only writer.
CREATE TABLE ledger_transfers (
    id         uuid                 PRIMARY KEY,
    debit      uuid                 NOT NULL,
    credit     uuid                 NOT NULL,
    amount     bigint               NOT NULL,
    asset      asset_code           NOT NULL,
    kind       ledger_transfer_kind NOT NULL,
    round_id   uuid,
    created_at timestamptz          NOT NULL DEFAULT now(),
    CONSTRAINT ledger_transfer_moves_money CHECK (amount > 0 AND debit <> credit),
    CONSTRAINT ledger_only_grants_have_no_round CHECK ((kind = 'grant') = (round_id IS NULL))
);

CREATE INDEX ledger_transfers_created ON ledger_transfers USING brin (created_at);

-- The functions force the generic plan: for arrays the planner expects more rows
-- than a single bet has, finds a plan for the actual arrays cheaper and would plan
-- anew in each call, which takes longer than the call. enable_seqscan is off
-- because a plan made while the tables were empty must still do when they are full.

-- ledger_open makes a player's account with balance 0.
CREATE FUNCTION ledger_open(account uuid, player uuid, of_asset text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO ledger_accounts (id, kind, owner, asset, balance) VALUES (account, 'player', player, of_asset, 0);
$$;

-- ledger_lock locks the accounts of the players in the order of their ids, which
-- is the one order that every caller shares, and returns what they hold. A player
-- without an account is missing from the answer.
CREATE FUNCTION ledger_lock(players uuid[], of_asset text)
RETURNS TABLE (player uuid, account uuid, balance bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT a.owner, a.id, a.balance
    FROM ledger_accounts a
    WHERE a.owner = ANY (players) AND a.asset = of_asset
    ORDER BY a.id
    FOR NO KEY UPDATE;
END
$$;

-- ledger_post books a set of transfers of one asset. Callers that move the money
-- of more than one player call ledger_lock first. It raises 23514 on a player's
-- balance below zero and 23503 on an unknown account, a wrong asset included.
CREATE FUNCTION ledger_post(ids uuid[], debits uuid[], credits uuid[], amounts bigint[], kinds text[], rounds uuid[], of_asset text)
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
    SET balance = a.balance + change.delta
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

REVOKE ALL ON FUNCTION ledger_open(uuid, uuid, text), ledger_lock(uuid[], text),
    ledger_post(uuid[], uuid[], uuid[], bigint[], text[], uuid[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_open(uuid, uuid, text), ledger_lock(uuid[], text),
    ledger_post(uuid[], uuid[], uuid[], bigint[], text[], uuid[], text) TO vegas_app;
GRANT SELECT ON ledger_accounts, ledger_transfers TO vegas_app;
