-- phase: expand
-- tx: on
--
-- Leaderboards by day and by week, by net win, by what was wagered and by the best
-- multiplier, and how they are made anew from the rounds (shared/leaderboard).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- best is the greatest multiplier of a round of the day, in ten-thousandths; of equal
-- ones that of the earlier round. NULL in rows from before these columns, until the
-- boards are made anew. generation is the rebuild in or after which a row was written.
ALTER TABLE leaderboard_daily ADD COLUMN best bigint, ADD COLUMN best_round uuid, ADD COLUMN best_at timestamptz,
    ADD COLUMN generation bigint NOT NULL DEFAULT 0;

-- The same of an ISO week; day is its Monday, in UTC.
CREATE TABLE leaderboard_weekly (
    day        date        NOT NULL,
    asset      text        NOT NULL,
    player_id  uuid        NOT NULL,
    name       text        NOT NULL,
    seen_at    timestamptz NOT NULL,
    rounds     bigint      NOT NULL CHECK (rounds > 0),
    staked     bigint      NOT NULL CHECK (staked >= 0),
    paid       bigint      NOT NULL CHECK (paid >= 0),
    best       bigint,
    best_round uuid,
    best_at    timestamptz,
    generation bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (day, asset, player_id)
) WITH (fillfactor = 80);

CREATE INDEX leaderboard_weekly_net ON leaderboard_weekly (day, asset, (paid - staked) DESC, player_id);
CREATE INDEX leaderboard_weekly_wagered ON leaderboard_weekly (day, asset, staked DESC, player_id);
CREATE INDEX leaderboard_weekly_best ON leaderboard_weekly (day, asset, best DESC, best_at, player_id) WHERE best IS NOT NULL;

GRANT SELECT ON leaderboard_weekly TO vegas_app;

-- The number of the latest rebuild. It is no part of any transaction: whoever reads it
-- after a rebuild has begun sees that.
CREATE SEQUENCE leaderboard_generation MINVALUE 0 START 0;
SELECT nextval('leaderboard_generation'); -- 0, the default of generation

-- round_multiplier is how many times its cost a round has paid, in ten-thousandths,
-- rounded down; one beyond 64 bits is the greatest.
CREATE FUNCTION round_multiplier(paid bigint, cost bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(div(paid::numeric * 10000, cost::numeric), 9223372036854775807)::bigint;
$$;

-- leaderboard_lock keeps the facts of a player and a rebuild of the player's rows apart.
CREATE FUNCTION leaderboard_lock(player uuid) RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('leaderboard ' || player, 0));
$$;

-- leaderboard_apply puts a settled round on the boards of its day and its week, once: the
-- round's id is remembered among the handled events, apart from those of the facts. It
-- reports whether it was the first time.
CREATE FUNCTION leaderboard_apply(of_round uuid, player uuid, called text, of_asset text, cost bigint, pays bigint, at timestamptz)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    day    date := (at AT TIME ZONE 'UTC')::date;
    latest bigint;
    best   bigint;
BEGIN
    PERFORM leaderboard_lock(player);
    INSERT INTO handled_events (consumer, event_id) VALUES ('leaderboard.round', of_round) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT g.last_value INTO latest FROM leaderboard_generation g;
    best := round_multiplier(pays, cost);
    -- Of two names the later one stays, and of two at the same instant the greater one;
    -- of two equal multipliers the earlier: any order of application ends in the same row.
    INSERT INTO leaderboard_daily AS b (day, asset, player_id, name, seen_at, rounds, staked, paid, best, best_round, best_at, generation)
    VALUES (day, of_asset, player, called, at, 1, cost, pays, best, of_round, at, latest)
    ON CONFLICT ON CONSTRAINT leaderboard_daily_pkey DO UPDATE SET
        name    = CASE WHEN (excluded.seen_at, excluded.name) > (b.seen_at, b.name) THEN excluded.name ELSE b.name END,
        seen_at = greatest(b.seen_at, excluded.seen_at),
        rounds  = b.rounds + 1,
        staked  = b.staked + excluded.staked,
        paid    = b.paid + excluded.paid,
        (best, best_round, best_at) = (SELECT o.best, o.best_round, o.best_at
            FROM (VALUES (b.best, b.best_round, b.best_at), (excluded.best, excluded.best_round, excluded.best_at)) AS o (best, best_round, best_at)
            ORDER BY o.best DESC NULLS LAST, o.best_at, o.best_round LIMIT 1),
        generation = excluded.generation;
    INSERT INTO leaderboard_weekly AS b (day, asset, player_id, name, seen_at, rounds, staked, paid, best, best_round, best_at, generation)
    VALUES (date_trunc('week', day::timestamp)::date, of_asset, player, called, at, 1, cost, pays, best, of_round, at, latest)
    ON CONFLICT ON CONSTRAINT leaderboard_weekly_pkey DO UPDATE SET
        name    = CASE WHEN (excluded.seen_at, excluded.name) > (b.seen_at, b.name) THEN excluded.name ELSE b.name END,
        seen_at = greatest(b.seen_at, excluded.seen_at),
        rounds  = b.rounds + 1,
        staked  = b.staked + excluded.staked,
        paid    = b.paid + excluded.paid,
        (best, best_round, best_at) = (SELECT o.best, o.best_round, o.best_at
            FROM (VALUES (b.best, b.best_round, b.best_at), (excluded.best, excluded.best_round, excluded.best_at)) AS o (best, best_round, best_at)
            ORDER BY o.best DESC NULLS LAST, o.best_at, o.best_round LIMIT 1),
        generation = excluded.generation;
    RETURN true;
END
$$;

-- leaderboard_rebuild makes the rows of the next players anew from their settled rounds:
-- of the players after the given one, in the order of their ids, until it has read most
-- rounds; a player's rounds are read as a whole. done says that there are no more. What it
-- has read is remembered as counted, so that a fact that comes later counts no more; a fact
-- cannot be older than what handled_events remembers. The names are those of the players
-- now.
--
-- Whoever puts a fact on the boards holds the player's lock, so the rounds of every fact
-- that was counted are seen by the statement below, which begins after the lock is had.
CREATE FUNCTION leaderboard_rebuild(INOUT after uuid, most bigint, OUT players bigint, OUT rounds bigint, OUT done boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    player uuid;
    latest bigint;
    n      bigint;
BEGIN
    players := 0;
    rounds := 0;
    done := false;
    WHILE rounds < most LOOP
        SELECT r.player_id INTO player FROM rounds r WHERE r.player_id > after ORDER BY r.player_id LIMIT 1;
        IF NOT FOUND THEN
            done := true;
            RETURN;
        END IF;
        PERFORM leaderboard_lock(player);
        SELECT g.last_value INTO latest FROM leaderboard_generation g;
        WITH round AS MATERIALIZED (
            SELECT r.id, r.asset::text AS asset, coalesce(r.staked, r.stake) AS cost, r.payout, r.settled_at,
                   (r.settled_at AT TIME ZONE 'UTC')::date AS day, round_multiplier(r.payout, coalesce(r.staked, r.stake)) AS best
            FROM rounds r WHERE r.player_id = player AND r.state = 'settled'
        ), called AS (
            SELECT coalesce((SELECT p.name FROM players p WHERE p.id = player), 'guest') AS name
        ), daily AS (
            INSERT INTO leaderboard_daily (day, asset, player_id, name, seen_at, rounds, staked, paid, best, best_round, best_at, generation)
            SELECT r.day, r.asset, player, min(called.name), max(r.settled_at), count(*), sum(r.cost)::bigint, sum(r.payout)::bigint, max(r.best),
                   (array_agg(r.id ORDER BY r.best DESC, r.settled_at, r.id))[1],
                   (array_agg(r.settled_at ORDER BY r.best DESC, r.settled_at, r.id))[1], latest
            FROM round r, called GROUP BY r.day, r.asset
            ON CONFLICT ON CONSTRAINT leaderboard_daily_pkey DO UPDATE SET
                name = excluded.name, seen_at = excluded.seen_at, rounds = excluded.rounds, staked = excluded.staked, paid = excluded.paid,
                best = excluded.best, best_round = excluded.best_round, best_at = excluded.best_at, generation = excluded.generation
        ), weekly AS (
            INSERT INTO leaderboard_weekly (day, asset, player_id, name, seen_at, rounds, staked, paid, best, best_round, best_at, generation)
            SELECT date_trunc('week', r.day::timestamp)::date, r.asset, player, min(called.name), max(r.settled_at), count(*), sum(r.cost)::bigint,
                   sum(r.payout)::bigint, max(r.best),
                   (array_agg(r.id ORDER BY r.best DESC, r.settled_at, r.id))[1],
                   (array_agg(r.settled_at ORDER BY r.best DESC, r.settled_at, r.id))[1], latest
            FROM round r, called GROUP BY 1, r.asset
            ON CONFLICT ON CONSTRAINT leaderboard_weekly_pkey DO UPDATE SET
                name = excluded.name, seen_at = excluded.seen_at, rounds = excluded.rounds, staked = excluded.staked, paid = excluded.paid,
                best = excluded.best, best_round = excluded.best_round, best_at = excluded.best_at, generation = excluded.generation
        ), counted AS (
            INSERT INTO handled_events (consumer, event_id)
            SELECT 'leaderboard.round', r.id FROM round r WHERE r.settled_at > now() - interval '32 days'
            ON CONFLICT DO NOTHING
        )
        SELECT count(*) INTO n FROM round;
        after := player;
        players := players + 1;
        rounds := rounds + greatest(n, 1);
    END LOOP;
END
$$;

-- leaderboard_begin begins a rebuild and returns its number; leaderboard_end removes what
-- no round stands behind, the rows that were not written since, and returns how many.
CREATE FUNCTION leaderboard_begin() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT nextval('leaderboard_generation');
$$;

CREATE FUNCTION leaderboard_end(number bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH daily AS (
        DELETE FROM leaderboard_daily WHERE generation < number RETURNING 1
    ), weekly AS (
        DELETE FROM leaderboard_weekly WHERE generation < number RETURNING 1
    )
    SELECT (SELECT count(*) FROM daily) + (SELECT count(*) FROM weekly);
$$;

REVOKE ALL ON FUNCTION leaderboard_lock(uuid), leaderboard_apply(uuid, uuid, text, text, bigint, bigint, timestamptz),
    leaderboard_rebuild(uuid, bigint), leaderboard_begin(), leaderboard_end(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leaderboard_apply(uuid, uuid, text, text, bigint, bigint, timestamptz),
    leaderboard_rebuild(uuid, bigint), leaderboard_begin(), leaderboard_end(bigint) TO vegas_app;
