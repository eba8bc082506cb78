-- phase: expand
-- tx: on
--
-- What players have staked, got and played, and what keeps them from playing more than they
-- want to (services/actions/internal/protection). Limits are of the asset PLAY.

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

CREATE DOMAIN limit_kind AS text CHECK (VALUE IN ('stake', 'loss', 'session'));
CREATE DOMAIN limit_window AS text CHECK (VALUE IN ('24h', '7d', '30d'));

-- limit_length is how long a window is; session_gap is the shortest pause between two bets
-- that ends a session.
CREATE FUNCTION limit_length(span text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE span WHEN '24h' THEN interval '24 hours' WHEN '7d' THEN interval '168 hours' ELSE interval '720 hours' END;
$$;
CREATE FUNCTION session_gap() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '15 minutes'; $$;

-- What a player has done in all lies in the row that every bet changes anyway, the account:
-- a row of its own would cost a bet a tenth more. played is the time between bets that were
-- less than session_gap apart. Then the session that was played last: since when, until which
-- bet, what had been staked and paid before it, and when the player is told how long it is.
ALTER TABLE ledger_accounts
    ADD COLUMN rounds         bigint   NOT NULL DEFAULT 0,
    ADD COLUMN staked         bigint   NOT NULL DEFAULT 0,
    ADD COLUMN paid           bigint   NOT NULL DEFAULT 0, -- with what came back of void rounds
    ADD COLUMN played         interval NOT NULL DEFAULT '0',
    ADD COLUMN hour           timestamptz, -- of the last row of player_hours
    ADD COLUMN session_at     timestamptz,
    ADD COLUMN last_at        timestamptz,
    ADD COLUMN check_at       timestamptz,
    ADD COLUMN session_staked bigint   NOT NULL DEFAULT 0,
    ADD COLUMN session_paid   bigint   NOT NULL DEFAULT 0;

-- What an account had done before an hour (UTC) in which it did something. What was done in
-- the hours from one on is what the account has now, less this.
CREATE TABLE player_hours (
    account uuid        NOT NULL,
    hour    timestamptz NOT NULL,
    rounds  bigint      NOT NULL,
    staked  bigint      NOT NULL,
    paid    bigint      NOT NULL,
    played  interval    NOT NULL,
    PRIMARY KEY (account, hour)
);

-- Who has ever asked for protection: who has no row has no limit either.
CREATE TABLE player_protection (
    player_id      uuid        PRIMARY KEY,
    check_minutes  smallint    NOT NULL DEFAULT 60 CHECK (check_minutes BETWEEN 15 AND 120),
    timeout_until  timestamptz,
    excluded_until timestamptz, -- self-exclusion, which goes on until
    returns_at     timestamptz  -- the player has asked for its end
);

-- amount is in minor units, or seconds of a session limit. From pending_at on it is
-- pending_amount; NULL is no limit.
CREATE TABLE player_limits (
    player_id      uuid         NOT NULL REFERENCES player_protection (player_id),
    kind           limit_kind   NOT NULL,
    span           limit_window NOT NULL,
    amount         bigint       NOT NULL,
    pending_amount bigint,
    pending_at     timestamptz,
    PRIMARY KEY (player_id, kind, span),
    CONSTRAINT player_limits_sound CHECK (amount > 0 AND (pending_amount IS NULL OR pending_amount > amount AND pending_at IS NOT NULL))
);

-- outbox_lane is outbox.Lane: of FNV-1a the three lowest bits depend on no higher ones.
CREATE FUNCTION outbox_lane(key text) RETURNS smallint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    lane integer := 5;
BEGIN
    FOR i IN 0..octet_length(key) - 1 LOOP
        lane := ((lane # get_byte(convert_to(key, 'UTF8'), i)) * 3) & 7;
    END LOOP;
    RETURN lane;
END
$$;

-- player_hour begins an hour of an account. The update of the account calls it with what
-- its row holds before, so the order of such updates is the order of hours.
CREATE FUNCTION player_hour(of_account uuid, this_hour timestamptz, rounds bigint, staked bigint, paid bigint, played interval) RETURNS timestamptz
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO player_hours AS h VALUES (of_account, this_hour, rounds, staked, paid, played)
    ON CONFLICT (account, hour) DO UPDATE SET rounds = excluded.rounds, staked = excluded.staked, paid = excluded.paid, played = excluded.played;
    RETURN this_hour;
END
$$;

-- check_every is how long a player plays on before being told how long it was.
CREATE FUNCTION check_every(player uuid) RETURNS interval LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN make_interval(mins => coalesce((SELECT p.check_minutes FROM player_protection p WHERE p.player_id = player), 60));
END
$$;

-- reality_check tells a player's sockets about the session, and returns when to do so again.
CREATE FUNCTION reality_check(player uuid, began timestamptz, staked bigint, paid bigint) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    every constant interval := check_every(player);
    event constant uuid := gen_random_uuid();
    room  constant text := 'player:' || player;
BEGIN
    INSERT INTO outbox (event_id, sink, lane, key, type, body)
    VALUES (event, 'room', outbox_lane(room), room, 'reality_check', json_build_array(json_build_object(
        'seconds', floor(extract(epoch FROM now() - began))::bigint, 'staked', staked, 'paid', paid, 'net', paid - staked,
        'event_id', event, 'traceparent', '')));
    RETURN began + every * (floor(extract(epoch FROM now() - began) / extract(epoch FROM every)) + 1)::integer;
END
$$;

-- ledger_post is as in migration 0006, and counts for each player what leaves the account
-- for a round, open or not, and what comes back. So nothing is staked in any way that is not
-- counted. A hold of a round that has taken actions begins no round. Whoever posts such
-- transfers holds the lock of the account.
CREATE OR REPLACE FUNCTION ledger_post(ids uuid[], debits uuid[], credits uuid[], amounts bigint[], kinds text[], rounds uuid[], of_asset text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    missing   uuid;
    this_hour timestamptz := date_trunc('hour', now(), 'UTC');
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
    SET balance = CASE WHEN a.frozen_at IS NULL THEN a.balance + c.delta ELSE ledger_frozen(a.id) END,
        rounds = a.rounds + c.begun, staked = a.staked + c.staked, paid = a.paid + c.paid,
        hour = CASE WHEN a.hour >= this_hour OR c.staked + c.paid = 0 THEN a.hour
                    ELSE player_hour(a.id, this_hour, a.rounds, a.staked, a.paid, a.played) END,
        played = CASE WHEN c.staked > 0 AND now() > a.last_at AND now() - a.last_at < session_gap() THEN a.played + (now() - a.last_at) ELSE a.played END,
        last_at = CASE WHEN c.staked = 0 THEN a.last_at ELSE greatest(a.last_at, now()) END,
        session_at = CASE WHEN c.staked = 0 OR now() - a.last_at < session_gap() THEN a.session_at ELSE now() END,
        session_staked = CASE WHEN c.staked = 0 OR now() - a.last_at < session_gap() THEN a.session_staked ELSE a.staked END,
        session_paid = CASE WHEN c.staked = 0 OR now() - a.last_at < session_gap() THEN a.session_paid ELSE a.paid END,
        check_at = CASE WHEN c.staked = 0 THEN a.check_at
                        WHEN now() - a.last_at < session_gap() THEN
                            CASE WHEN a.check_at > now() THEN a.check_at
                                 ELSE reality_check(a.owner, a.session_at, a.staked + c.staked - a.session_staked, a.paid + c.paid - a.session_paid) END
                        ELSE now() + check_every(a.owner) END
    FROM (
        SELECT leg.account, sum(leg.amount)::bigint AS delta, sum(leg.begun)::bigint AS begun, sum(leg.staked)::bigint AS staked, sum(leg.paid)::bigint AS paid
        FROM (
            SELECT b.account, b.amount, CASE WHEN b.kind = 'grant' THEN 0 ELSE b.amount END AS paid, 0 AS staked, 0 AS begun
            FROM unnest(credits, amounts, kinds) AS b (account, amount, kind)
            UNION ALL
            SELECT d.account, -d.amount, 0, d.amount,
                   CASE WHEN d.kind = 'stake' OR d.kind = 'hold' AND NOT EXISTS (SELECT FROM round_steps s WHERE s.round_id = d.round) THEN 1 ELSE 0 END
            FROM unnest(debits, amounts, kinds, rounds) AS d (account, amount, kind, round)
        ) leg
        GROUP BY leg.account
    ) c
    WHERE a.id = c.account AND a.kind = 'player';
END
$$;

-- play_refusal says why a player may not stake cost now, or NULL. It is called under the
-- lock of the account. A limit is kept in every window of its length, to the hour: hours
-- count from their beginning until the window has left them whole. The house's own limits
-- are in the setting play.maxima of the transaction, a JSON array. Of the limits that are in
-- the way it names the one that is for longest.
CREATE FUNCTION play_refusal(of_player uuid, cost bigint) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    maxima  json := nullif(current_setting('play.maxima', true), '')::json;
    refusal json;
BEGIN
    SELECT json_build_object('code', 'excluded', 'self', s.self, 'until',
               CASE WHEN NOT s.self THEN p.timeout_until WHEN s.ends > now() THEN greatest(s.ends, p.timeout_until) END)
    INTO refusal
    FROM player_protection p
    CROSS JOIN LATERAL (
        SELECT p.excluded_until IS NOT NULL AND (p.returns_at IS NULL OR p.returns_at > now()) AS self, coalesce(p.returns_at, p.excluded_until) AS ends
    ) s
    WHERE p.player_id = of_player AND (s.self OR p.timeout_until > now());
    IF FOUND THEN
        RETURN refusal;
    END IF;

    WITH asked AS (
        SELECT l.kind::text, l.span::text, CASE WHEN l.pending_at <= now() THEN l.pending_amount ELSE l.amount END AS amount
        FROM player_limits l WHERE l.player_id = of_player
        UNION ALL
        SELECT m."limit", m."window", m.amount FROM json_to_recordset(maxima) AS m ("limit" text, "window" text, amount bigint)
    ), lowest AS MATERIALIZED (
        SELECT a.kind, a.span, min(a.amount) AS amount, limit_length(a.span) AS length
        FROM asked a WHERE a.amount IS NOT NULL GROUP BY a.kind, a.span
    )
    SELECT json_build_object('code', 'limit_reached', 'limit', l.kind, 'window', l.span, 'resets_at', r.resets_at)
    INTO refusal
    FROM ledger_accounts a
    CROSS JOIN lowest l
    CROSS JOIN LATERAL (
        SELECT limit_measure(l.kind, a.staked, a.paid, a.played) AS measure,
               CASE WHEN now() - a.last_at < session_gap() THEN greatest(extract(epoch FROM now() - a.last_at), 0) ELSE 0 END AS idle
    ) now_has
    CROSS JOIN LATERAL (
        SELECT now_has.measure - coalesce((
            SELECT limit_measure(l.kind, h.staked, h.paid, h.played) FROM player_hours h
            WHERE h.account = a.id AND h.hour > now() - l.length - interval '1 hour' ORDER BY h.hour LIMIT 1), now_has.measure) AS total
    ) t
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.kind = 'session' AND t.total < l.amount THEN a.last_at + session_gap()
               ELSE (SELECT min(o.leaves) FROM (
                         SELECT h.hour + l.length + interval '1 hour' AS leaves,
                                now_has.measure - lead(limit_measure(l.kind, h.staked, h.paid, h.played), 1, now_has.measure) OVER (ORDER BY h.hour) AS remains
                         FROM player_hours h WHERE h.account = a.id AND h.hour > now() - l.length - interval '1 hour'
                     ) o
                     WHERE CASE l.kind WHEN 'session' THEN o.remains < l.amount ELSE o.remains + cost <= l.amount END) END AS resets_at
    ) r
    WHERE a.owner = of_player AND a.asset = 'PLAY'
      AND CASE l.kind WHEN 'session' THEN t.total + now_has.idle >= l.amount ELSE t.total + cost > l.amount END
    ORDER BY r.resets_at DESC NULLS FIRST, l.kind, l.span
    LIMIT 1;
    RETURN refusal;
END
$$;

-- limit_measure is what counts for a kind of limit.
CREATE FUNCTION limit_measure(kind text, staked bigint, paid bigint, played interval) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind WHEN 'stake' THEN staked WHEN 'loss' THEN staked - paid ELSE extract(epoch FROM played) END;
$$;

-- This play_claim is as in migration 0010, with one more verdict:
--   'refused'  play_refusal has a reason, which is in answer; nothing was taken
CREATE OR REPLACE FUNCTION play_claim(players uuid[], keys text[], stakes bigint[], games text[], stepped boolean[], of_asset text)
RETURNS TABLE (ord bigint, verdict text, account uuid, balance bigint, seed uuid, server_seed text,
               server_hash text, client_seed text, nonce bigint, round uuid, request_hash bytea, answer text, at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    house boolean := coalesce(current_setting('play.maxima', true), '') <> '';
BEGIN
    PERFORM FROM ledger_lock(players, of_asset);

    RETURN QUERY
    WITH bet AS MATERIALIZED (
        SELECT b.ord, b.player, b.stake, a.id AS account, a.balance, a.frozen_at IS NOT NULL AS frozen,
               r.id AS round, r.request_hash, r.answer, o.id AS under_way,
               CASE WHEN house OR EXISTS (SELECT FROM player_protection p WHERE p.player_id = b.player)
                    THEN play_refusal(b.player, b.stake)::text END AS refusal
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
              AND bet.balance >= bet.stake AND NOT bet.frozen AND bet.refusal IS NULL
        RETURNING bet.ord, s.id, s.server_seed, s.server_hash, s.client_seed, s.nonce - 1 AS nonce
    )
    SELECT bet.ord,
           CASE WHEN bet.round IS NOT NULL THEN 'replay'
                WHEN bet.frozen THEN 'frozen'
                WHEN bet.refusal IS NOT NULL THEN 'refused'
                WHEN bet.under_way IS NOT NULL THEN 'open'
                WHEN taken.id IS NOT NULL THEN 'new'
                WHEN bet.balance < bet.stake THEN 'insufficient'
                ELSE 'no_account' END,
           bet.account, bet.balance, taken.id, taken.server_seed::text, taken.server_hash::text, taken.client_seed::text, taken.nonce,
           coalesce(bet.round, bet.under_way), bet.request_hash, coalesce(bet.answer, bet.refusal), now()
    FROM bet LEFT JOIN taken ON taken.ord = bet.ord
    ORDER BY bet.ord;
END
$$;

-- play_step is as in migration 0010, and raises VC403 with the reason of play_refusal in
-- its detail for an action that costs what the player may not stake.
CREATE OR REPLACE FUNCTION play_step(of_round uuid, step integer, player uuid, of_key text, hash bytea, of_action text, step_cost bigint, of_answer text,
                          new_state text, new_staked bigint, new_payout bigint, new_outcome text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    refusal json;
BEGIN
    IF step_cost > 0 AND (coalesce(current_setting('play.maxima', true), '') <> ''
                          OR EXISTS (SELECT FROM player_protection p WHERE p.player_id = player)) THEN
        refusal := play_refusal(player, step_cost);
        IF refusal IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'VC403', MESSAGE = 'play: the player may not stake this now', DETAIL = refusal::text;
        END IF;
    END IF;
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

-- The following change what protects a player, under the lock of the account, so that bets
-- under way are before or after. They return false when there is no such player. The
-- services have no other right to these tables: nobody loosens anything at once.

-- protection_of locks the player and makes the row.
CREATE FUNCTION protection_of(of_player uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM ledger_lock(ARRAY[of_player], 'PLAY');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO player_protection (player_id) VALUES (of_player) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

-- protection_limits makes these all the limits of the player: lower ones at once, higher
-- ones, and none where there was one, after 24 hours. What already waits goes on waiting
-- unless more is asked for.
CREATE FUNCTION protection_limits(of_player uuid, kinds text[], spans text[], amounts bigint[], minutes integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    later constant timestamptz := now() + interval '24 hours';
BEGIN
    IF NOT protection_of(of_player) THEN
        RETURN false;
    END IF;
    DELETE FROM player_limits l WHERE l.player_id = of_player AND l.pending_at <= now() AND l.pending_amount IS NULL;
    UPDATE player_limits l SET amount = l.pending_amount, pending_amount = NULL, pending_at = NULL
    WHERE l.player_id = of_player AND l.pending_at <= now();

    UPDATE player_limits l SET pending_amount = NULL,
           pending_at = CASE WHEN l.pending_at IS NOT NULL AND l.pending_amount IS NULL THEN l.pending_at ELSE later END
    WHERE l.player_id = of_player
      AND NOT EXISTS (SELECT FROM unnest(kinds, spans) AS n (kind, span) WHERE n.kind = l.kind AND n.span = l.span);
    INSERT INTO player_limits AS l (player_id, kind, span, amount)
    SELECT of_player, n.kind, n.span, n.amount FROM unnest(kinds, spans, amounts) AS n (kind, span, amount)
    ON CONFLICT (player_id, kind, span) DO UPDATE
    SET amount = least(l.amount, excluded.amount),
        pending_amount = CASE WHEN excluded.amount > l.amount THEN excluded.amount END,
        pending_at = CASE WHEN excluded.amount <= l.amount THEN NULL
                          WHEN l.pending_at IS NOT NULL AND (l.pending_amount IS NULL OR l.pending_amount >= excluded.amount) THEN l.pending_at
                          ELSE later END;

    UPDATE player_protection p SET check_minutes = minutes WHERE p.player_id = of_player AND p.check_minutes <> minutes;
    IF FOUND THEN
        UPDATE ledger_accounts a
        SET check_at = a.session_at + make_interval(mins => minutes * (floor(extract(epoch FROM a.last_at - a.session_at) / (60 * minutes)) + 1)::integer)
        WHERE a.owner = of_player AND a.asset = 'PLAY' AND a.session_at IS NOT NULL;
    END IF;
    RETURN true;
END
$$;

-- protection_timeout and protection_exclude keep a player from play until then; never for
-- less long than before.
CREATE FUNCTION protection_timeout(of_player uuid, hours integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT protection_of(of_player) THEN
        RETURN false;
    END IF;
    UPDATE player_protection p SET timeout_until = greatest(p.timeout_until, now() + make_interval(hours => hours)) WHERE p.player_id = of_player;
    RETURN true;
END
$$;

CREATE FUNCTION protection_exclude(of_player uuid, months integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF months < 6 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'protection: a self-exclusion is for 6 months at least';
    END IF;
    IF NOT protection_of(of_player) THEN
        RETURN false;
    END IF;
    UPDATE player_protection p SET excluded_until = greatest(p.excluded_until, now() + make_interval(months => months)), returns_at = NULL
    WHERE p.player_id = of_player;
    RETURN true;
END
$$;

-- protection_return is the wish of a player to play again after a self-exclusion. Before
-- its end it does nothing; after it play is possible 24 hours after the first wish.
CREATE FUNCTION protection_return(of_player uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT protection_of(of_player) THEN
        RETURN false;
    END IF;
    UPDATE player_protection p SET returns_at = now() + interval '24 hours'
    WHERE p.player_id = of_player AND p.excluded_until <= now() AND p.returns_at IS NULL;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION player_hour(uuid, timestamptz, bigint, bigint, bigint, interval),
    reality_check(uuid, timestamptz, bigint, bigint), protection_of(uuid),
    protection_limits(uuid, text[], text[], bigint[], integer), protection_timeout(uuid, integer), protection_exclude(uuid, integer),
    protection_return(uuid), play_refusal(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION protection_limits(uuid, text[], text[], bigint[], integer), protection_timeout(uuid, integer),
    protection_exclude(uuid, integer), protection_return(uuid), play_refusal(uuid, bigint) TO vegas_app;
GRANT SELECT ON player_hours, player_protection, player_limits TO vegas_app;
