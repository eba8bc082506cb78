-- phase: expand
-- tx: on
--
-- Timed tournaments: an entry fee, a pool of all fees, points from rounds, prizes by rank
-- (shared/tournament).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- The fees of a tournament lie on an account of kind pool that the tournament owns; its
-- balance is derived as that of the house is. The rows that are there have passed narrower
-- checks, so they need no scan (NOT VALID).
ALTER DOMAIN ledger_account_kind DROP CONSTRAINT ledger_account_kind_check;
ALTER DOMAIN ledger_account_kind ADD CONSTRAINT ledger_account_kind_check
    CHECK (VALUE IN ('player', 'house', 'world', 'hold', 'jackpot', 'pool')) NOT VALID;
ALTER DOMAIN ledger_transfer_kind DROP CONSTRAINT ledger_transfer_kind_check;
ALTER DOMAIN ledger_transfer_kind ADD CONSTRAINT ledger_transfer_kind_check
    CHECK (VALUE IN ('grant', 'stake', 'payout', 'void', 'hold', 'contribution', 'jackpot', 'entry', 'prize', 'refund')) NOT VALID;
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_only_players_store_a_balance;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_only_players_store_a_balance
    CHECK ((kind = 'player') = (balance IS NOT NULL) AND (kind IN ('player', 'pool')) = (owner IS NOT NULL)) NOT VALID;

CREATE DOMAIN tournament_rule AS text CHECK (VALUE IN ('wagered', 'multiplier'));
CREATE DOMAIN tournament_state AS text CHECK (VALUE IN ('open', 'paying', 'refunding', 'settled', 'cancelled'));

-- Entries are taken from opens_at to ends_at, rounds count from starts_at to ends_at, and
-- what they come to is settled grace after that: a round of the last moment is committed
-- then. payouts are shares of the pool by rank, in ten-thousandths.
--   open -> paying -> settled       ranks and prizes are fixed, prizes are being paid, all are paid
--   open -> refunding -> cancelled  too few entries, no points, or called off: the fees go back
CREATE TABLE tournaments (
    id            uuid             PRIMARY KEY,
    name          text             NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    games         text[]           NOT NULL CHECK (cardinality(games) > 0),
    rule          tournament_rule  NOT NULL,
    asset         asset_code       NOT NULL,
    fee           bigint           NOT NULL,
    least_stake   bigint           NOT NULL,
    least_entries integer          NOT NULL,
    payouts       integer[]        NOT NULL,
    pool          uuid             NOT NULL,
    state         tournament_state NOT NULL DEFAULT 'open',
    opens_at      timestamptz      NOT NULL,
    starts_at     timestamptz      NOT NULL,
    ends_at       timestamptz      NOT NULL,
    grace         interval         NOT NULL,
    created_at    timestamptz      NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    CONSTRAINT tournaments_sound CHECK (fee > 0 AND least_stake > 0 AND least_entries > 0
        AND opens_at <= starts_at AND starts_at < ends_at AND grace BETWEEN interval '30 s' AND interval '1 day'
        AND (state IN ('settled', 'cancelled')) = (ended_at IS NOT NULL))
);

CREATE INDEX tournaments_ends ON tournaments (ends_at);
CREATE INDEX tournaments_due ON tournaments (ends_at) WHERE state IN ('open', 'paying', 'refunding');

-- An entry is also the record of its idempotency key. points and reached_at are those of
-- the facts so far; final ones are made from the rounds and do not change any more. A prize
-- is owed until paid_at; of a tournament that was cancelled it is the fee.
CREATE TABLE tournament_entries (
    tournament_id uuid            NOT NULL REFERENCES tournaments (id),
    player_id     uuid            NOT NULL,
    key           idempotency_key NOT NULL,
    answer        text            NOT NULL,
    fee           bigint          NOT NULL,
    entered_at    timestamptz     NOT NULL DEFAULT now(),
    points        bigint          NOT NULL DEFAULT 0,
    reached_at    timestamptz,
    final         boolean         NOT NULL DEFAULT false,
    prize         bigint,
    paid_at       timestamptz,
    PRIMARY KEY (tournament_id, player_id),
    CONSTRAINT tournament_entries_sound CHECK (fee > 0 AND points >= 0 AND prize > 0 AND (paid_at IS NULL OR prize IS NOT NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX tournament_entries_key ON tournament_entries (player_id, key);
CREATE INDEX tournament_entries_live ON tournament_entries (player_id) WHERE NOT final;
CREATE INDEX tournament_entries_rank ON tournament_entries (tournament_id, points DESC, reached_at, entered_at, player_id);
CREATE INDEX tournament_entries_owed ON tournament_entries (tournament_id, player_id) WHERE prize IS NOT NULL AND paid_at IS NULL;

-- tournament_create makes a tournament and its pool. It is for operators: the services may
-- not. games are names as GET /v1/games has them.
CREATE FUNCTION tournament_create(called text, of_games text[], by_rule text, entry_fee bigint, start_at timestamptz, end_at timestamptz,
    open_at timestamptz DEFAULT now(), shares integer[] DEFAULT '{5000,3000,2000}', least_players integer DEFAULT 2,
    smallest_stake bigint DEFAULT 1, settle_after interval DEFAULT '2 minutes', of_asset text DEFAULT 'PLAY')
RETURNS uuid
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    made uuid := gen_random_uuid();
    pool uuid := gen_random_uuid();
BEGIN
    IF coalesce((SELECT sum(s) <> 10000 OR min(s) <= 0 OR count(*) > 100 FROM unnest(shares) AS s), true) THEN
        RAISE check_violation USING MESSAGE = 'tournament: the payouts are 1 to 100 shares above 0 that add up to 10000';
    END IF;
    INSERT INTO ledger_accounts (id, kind, owner, asset) VALUES (pool, 'pool', made, of_asset);
    INSERT INTO tournaments (id, name, games, rule, asset, fee, least_stake, least_entries, payouts, pool, opens_at, starts_at, ends_at, grace)
    VALUES (made, called, of_games, by_rule, of_asset, entry_fee, smallest_stake, least_players, shares, pool, open_at, start_at, end_at, settle_after);
    RETURN made;
END
$$;

-- tournament_refund calls an open tournament off: every entry is owed its fee. It returns
-- how many there are, and NULL when the tournament is not open any more.
CREATE FUNCTION tournament_refund(of_tournament uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE tournaments SET state = 'refunding' WHERE id = of_tournament AND state = 'open';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE tournament_entries SET final = true, prize = fee WHERE tournament_id = of_tournament;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;

-- tournament_takes says whether a round counts for an entry: one that was begun after the
-- entry and ended in the time of the tournament.
CREATE FUNCTION tournament_takes(t tournaments, entered timestamptz, r rounds) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.state = 'settled' AND r.asset = t.asset AND r.game = ANY (t.games) AND coalesce(r.staked, r.stake) >= t.least_stake
       AND r.created_at >= greatest(t.starts_at, entered) AND r.settled_at < t.ends_at;
$$;

-- tournament_count adds a settled round to the points of the entries that it counts for,
-- and returns how many those are. Calling it twice counts twice.
CREATE FUNCTION tournament_count(of_round uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE tournament_entries e
    SET points = CASE WHEN t.rule = 'wagered' THEN e.points + coalesce(r.staked, r.stake)
                      ELSE greatest(e.points, round_multiplier(r.payout, coalesce(r.staked, r.stake))) END,
        reached_at = CASE WHEN t.rule = 'wagered' THEN greatest(e.reached_at, r.settled_at)
                          WHEN round_multiplier(r.payout, coalesce(r.staked, r.stake)) > e.points THEN r.settled_at
                          WHEN round_multiplier(r.payout, coalesce(r.staked, r.stake)) = e.points THEN least(e.reached_at, r.settled_at)
                          ELSE e.reached_at END
    FROM rounds r, tournaments t
    WHERE r.id = of_round AND e.player_id = r.player_id AND NOT e.final AND t.id = e.tournament_id AND tournament_takes(t, e.entered_at, r);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;

-- tournament_fix makes the points of all entries from the rounds, which are the truth of
-- them, and lets nothing change them any more. Ids of rounds grow with time by a clock that
-- is not the database's: a day is more than the two are ever apart.
CREATE FUNCTION tournament_fix(of_tournament uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    UPDATE tournament_entries e SET final = true, points = s.points, reached_at = s.reached_at
    FROM tournaments t, tournament_entries o, LATERAL (
        SELECT coalesce(CASE WHEN t.rule = 'wagered' THEN sum(c.cost) ELSE max(c.multiplier) END, 0)::bigint AS points,
               CASE WHEN t.rule = 'wagered' THEN max(c.settled_at)
                    ELSE (array_agg(c.settled_at ORDER BY c.multiplier DESC, c.settled_at))[1] END AS reached_at
        FROM (SELECT coalesce(r.staked, r.stake) AS cost, round_multiplier(r.payout, coalesce(r.staked, r.stake)) AS multiplier, r.settled_at
              FROM rounds r
              WHERE r.player_id = o.player_id AND r.id >= uuid_at(t.starts_at - interval '1 day') AND tournament_takes(t, o.entered_at, r)) c
    ) s
    WHERE t.id = of_tournament AND o.tournament_id = t.id AND e.tournament_id = o.tournament_id AND e.player_id = o.player_id;
END
$$;

REVOKE ALL ON FUNCTION tournament_create(text, text[], text, bigint, timestamptz, timestamptz, timestamptz, integer[], integer, bigint, interval, text),
    tournament_refund(uuid), tournament_count(uuid), tournament_fix(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tournament_refund(uuid), tournament_count(uuid), tournament_fix(uuid) TO vegas_app;
GRANT SELECT ON tournaments, tournament_entries TO vegas_app;
GRANT UPDATE (state, ended_at) ON tournaments TO vegas_app;
GRANT INSERT (tournament_id, player_id, key, answer, fee, entered_at) ON tournament_entries TO vegas_app;
GRANT UPDATE (prize, paid_at) ON tournament_entries TO vegas_app;

-- The two passes over the ledger are as in migration 0006, but that no account may be below
-- zero other than those of the house and the world.
CREATE OR REPLACE FUNCTION ledger_verify_new(slice integer, OUT usable boolean, OUT accounts bigint, OUT transfers bigint,
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
           count(*) FILTER (WHERE kind NOT IN ('house', 'world') AND least(balance, total) < 0),
           (SELECT count(*) FROM moved m WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.id = m.account AND a.asset = m.asset)),
           (SELECT count(*) FROM fresh WHERE amount <= 0 OR debit = credit)
    INTO accounts, transfers, off, wrong, negative, unknown, unsound
    FROM line;
END
$$;

CREATE OR REPLACE FUNCTION ledger_verify_all(OUT accounts bigint, OUT transfers bigint, OUT off bigint, OUT wrong uuid[],
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
           count(*) FILTER (WHERE kind NOT IN ('house', 'world') AND least(balance, total) < 0),
           count(*) FILTER (WHERE id IS NULL),
           coalesce(sum(bad), 0)::bigint,
           (SELECT coalesce((array_agg(DISTINCT coalesce(l.account, m.account)))[1:100], '{}')
            FROM ledger_totals l FULL JOIN moved m ON m.account = l.account AND m.asset = l.asset
            WHERE verified IS NOT NULL AND coalesce(l.total, 0) <> coalesce(m.seen, 0))
    INTO accounts, transfers, off, wrong, negative, unknown, unsound, altered
    FROM line;
END
$$;
