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
CREATE TABLE ledger_accounts (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('player', 'house', 'world')),
    owner      uuid,
    asset      text        NOT NULL CHECK (asset ~ '^[A-Z]{3,8}$'),
    balance    bigint      CONSTRAINT ledger_balance_not_negative CHECK (balance >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
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
    id         uuid        PRIMARY KEY,
    debit      uuid        NOT NULL,
    credit     uuid        NOT NULL,
    amount     bigint      NOT NULL CHECK (amount > 0),
    asset      text        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('grant', 'stake', 'payout', 'void')),
    round_id   uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (debit <> credit),
    CHECK ((kind = 'grant') = (round_id IS NULL))
);

CREATE INDEX ledger_transfers_created ON ledger_transfers USING brin (created_at);

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
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT a.owner, a.id, a.balance
    FROM ledger_accounts a
    WHERE a.owner = ANY (players) AND a.asset = of_asset
    ORDER BY a.id
    FOR NO KEY UPDATE;
$$;

-- ledger_post books a set of transfers of one asset. Callers that move the money
-- of more than one player call ledger_lock first. It raises 23514 on a player's
-- balance below zero and 23503 on an unknown account, a wrong asset included.
CREATE FUNCTION ledger_post(ids uuid[], debits uuid[], credits uuid[], amounts bigint[], kinds text[], rounds uuid[], of_asset text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    wanted integer;
    known  integer;
BEGIN
    INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind, round_id)
    SELECT t.id, t.debit, t.credit, t.amount, of_asset, t.kind, t.round_id
    FROM unnest(ids, debits, credits, amounts, kinds, rounds) AS t (id, debit, credit, amount, kind, round_id);

    SELECT count(DISTINCT u.id) INTO wanted FROM unnest(debits || credits) AS u (id);
    SELECT count(*) INTO known FROM ledger_accounts a WHERE a.id = ANY (debits || credits) AND a.asset = of_asset;
    IF known <> wanted THEN
        RAISE foreign_key_violation USING MESSAGE = format('ledger: %s of %s accounts exist with asset %s', known, wanted, of_asset);
    END IF;

    UPDATE ledger_accounts a
    SET balance = a.balance + d.delta
    FROM (
        SELECT e.account, sum(e.amount)::bigint AS delta
        FROM (
            SELECT unnest(credits) AS account, unnest(amounts) AS amount
            UNION ALL
            SELECT unnest(debits), -unnest(amounts)
        ) e
        GROUP BY e.account
    ) d
    WHERE a.id = d.account AND a.kind = 'player';
END
$$;

REVOKE ALL ON FUNCTION ledger_open(uuid, uuid, text), ledger_lock(uuid[], text),
    ledger_post(uuid[], uuid[], uuid[], bigint[], text[], uuid[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_open(uuid, uuid, text), ledger_lock(uuid[], text),
    ledger_post(uuid[], uuid[], uuid[], bigint[], text[], uuid[], text) TO vegas_app;
GRANT SELECT ON ledger_accounts, ledger_transfers TO vegas_app;
