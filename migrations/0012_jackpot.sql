-- phase: expand
-- tx: on
--
-- The jackpot: an account that rounds put into and one round empties
-- (services/actions/internal/jackpot).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

ALTER DOMAIN ledger_account_kind DROP CONSTRAINT ledger_account_kind_check;
ALTER DOMAIN ledger_account_kind ADD CONSTRAINT ledger_account_kind_check
    CHECK (VALUE IN ('player', 'house', 'world', 'hold', 'jackpot')) NOT VALID;
ALTER DOMAIN ledger_transfer_kind DROP CONSTRAINT ledger_transfer_kind_check;
ALTER DOMAIN ledger_transfer_kind ADD CONSTRAINT ledger_transfer_kind_check
    CHECK (VALUE IN ('grant', 'stake', 'payout', 'void', 'hold', 'contribution', 'jackpot')) NOT VALID;

-- Its balance is not stored: it would be one row that all those rounds wait for.
INSERT INTO ledger_accounts (id, kind, asset) VALUES ('00000000-0000-7000-8000-000000000004', 'jackpot', 'PLAY');

-- ledger_derived is what the transfers of an account add up to: what the last pass over the
-- ledger has verified, and what came after it.
CREATE FUNCTION ledger_derived(of_account uuid, of_asset text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    derived numeric;
BEGIN
    -- One statement, since a pass moves totals and horizon together.
    SELECT coalesce((SELECT l.total FROM ledger_totals l WHERE l.account = of_account AND l.asset = of_asset), 0)
         + coalesce((SELECT sum(CASE WHEN t.credit = of_account THEN t.amount ELSE -t.amount END) FROM ledger_transfers t
                     WHERE t.tx >= c.horizon AND of_account IN (t.debit, t.credit) AND t.asset = of_asset), 0)
    INTO derived FROM ledger_checkpoint c WHERE c.horizon IS NOT NULL;
    IF NOT FOUND THEN
        SELECT coalesce(sum(CASE WHEN t.credit = of_account THEN t.amount ELSE -t.amount END), 0)
        INTO derived FROM ledger_transfers t WHERE of_account IN (t.debit, t.credit) AND t.asset = of_asset;
    END IF;
    RETURN derived::bigint;
END
$$;

-- jackpot_take locks the jackpot until the transaction ends, and returns what is in it: who
-- wins at the same time waits, and finds what was put in since. Whoever puts in does not wait.
CREATE FUNCTION jackpot_take(of_asset text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    jackpot uuid;
BEGIN
    SELECT id INTO STRICT jackpot FROM ledger_accounts WHERE kind = 'jackpot' AND asset = of_asset FOR NO KEY UPDATE;
    RETURN ledger_derived(jackpot, of_asset);
END
$$;

REVOKE ALL ON FUNCTION ledger_derived(uuid, text), jackpot_take(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_derived(uuid, text), jackpot_take(text) TO vegas_app;
