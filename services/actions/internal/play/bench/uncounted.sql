-- ledger_post as it was before it counted what players have done (migration 0006): the peer
-- of BenchmarkHours.
CREATE OR REPLACE FUNCTION ledger_post(ids uuid[], debits uuid[], credits uuid[], amounts bigint[], kinds text[], rounds uuid[], of_asset text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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