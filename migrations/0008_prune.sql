-- phase: expand
-- tx: on
--
-- What is old enough to go, in batches that lock little, and the end of rounds that
-- were left open (jobs/sweep). The functions run with the owner's rights, so that no
-- service may delete anything else, and refuse to touch what is younger than a day.

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

GRANT UPDATE (state, settled_at) ON rounds TO vegas_app;

-- How far each pruning has come, by ids that grow with time (UUID version 7).
CREATE TABLE prune_marks (
    name text PRIMARY KEY,
    upto uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);

INSERT INTO prune_marks (name) VALUES ('keys'), ('guests');

-- prune_before is the moment before which things are old.
CREATE FUNCTION prune_before(older interval) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF older IS NULL OR older < interval '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'prune: nothing younger than a day is pruned';
    END IF;
    RETURN now() - older;
END
$$;

-- uuid_at is the least UUID of version 7 that is made at a moment.
CREATE FUNCTION uuid_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-0000-0000-000000000000')::uuid
    FROM (SELECT lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') AS h) AS hex;
$$;

-- Each of the following does at most a batch and returns how many rows it looked at:
-- fewer than most means that it has come to the end. done counts the rows that it changed.

-- prune_keys lets go of idempotency keys: the round stays, its answer and its key go.
CREATE FUNCTION prune_keys(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
    seen   uuid;
BEGIN
    SELECT m.upto INTO seen FROM prune_marks m WHERE m.name = 'keys' FOR UPDATE;
    WITH batch AS MATERIALIZED (
        SELECT r.id FROM rounds r WHERE r.id > seen AND r.id < uuid_at(before) ORDER BY r.id LIMIT most
    ), let_go AS (
        UPDATE rounds r SET key = 'expired-' || r.id, answer = '' FROM batch
        WHERE r.id = batch.id AND r.state <> 'open' AND r.created_at < before RETURNING 1
    ), marked AS (
        UPDATE prune_marks m SET upto = (SELECT id FROM batch ORDER BY id DESC LIMIT 1)
        WHERE m.name = 'keys' AND EXISTS (SELECT FROM batch)
    )
    SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM let_go) INTO looked, done;
END
$$;

-- prune_guests forgets guests, whose tokens ended long ago. Who never played goes with
-- the seeds; of the others the name goes, because rounds are kept and can be verified.
-- Accounts and their transfers stay: the ledger is never changed.
CREATE FUNCTION prune_guests(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
    seen   uuid;
    batch  uuid[];
    played uuid[];
    idle   uuid[];
BEGIN
    SELECT m.upto INTO seen FROM prune_marks m WHERE m.name = 'guests' FOR UPDATE;
    batch := ARRAY(SELECT p.id FROM players p WHERE p.id > seen AND p.id < uuid_at(before) ORDER BY p.id LIMIT most);
    looked := cardinality(batch);
    done := 0;
    IF looked = 0 THEN
        RETURN;
    END IF;
    UPDATE prune_marks m SET upto = batch[looked] WHERE m.name = 'guests';
    batch := ARRAY(SELECT p.id FROM players p WHERE p.id = ANY (batch) AND substr(p.id::text, 15, 1) = '7' AND p.created_at < before);
    played := ARRAY(SELECT b FROM unnest(batch) AS b WHERE EXISTS (SELECT FROM rounds r WHERE r.player_id = b));
    idle := ARRAY(SELECT b FROM unnest(batch) AS b WHERE b <> ALL (played));
    UPDATE players SET name = 'guest' WHERE id = ANY (played);
    DELETE FROM seeds WHERE player_id = ANY (idle);
    DELETE FROM players WHERE id = ANY (idle);
    done := cardinality(batch);
END
$$;

-- prune_outbox removes rows that were sent. Ids grow with time, so it looks at the first.
CREATE FUNCTION prune_outbox(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
BEGIN
    DELETE FROM outbox o USING (SELECT b.id, b.sent_at FROM outbox b ORDER BY b.id LIMIT most) AS batch
    WHERE o.id = batch.id AND batch.sent_at < before;
    GET DIAGNOSTICS done = ROW_COUNT;
    looked := done;
END
$$;

-- prune_handled removes what consumers remember of events that cannot come again.
CREATE FUNCTION prune_handled(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
BEGIN
    DELETE FROM handled_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM handled_events WHERE handled_at < before LIMIT most));
    GET DIAGNOSTICS done = ROW_COUNT;
    looked := done;
END
$$;

REVOKE ALL ON FUNCTION prune_before(interval), prune_keys(interval, integer), prune_guests(interval, integer),
    prune_outbox(interval, integer), prune_handled(interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_keys(interval, integer), prune_guests(interval, integer),
    prune_outbox(interval, integer), prune_handled(interval, integer) TO vegas_app;

-- Which version of a service has answered since when, as the sweep saw it: a new row when
-- it is another than the last one.
CREATE TABLE service_versions (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text        NOT NULL,
    version text        NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX service_versions_latest ON service_versions (service, id DESC);

GRANT SELECT, INSERT ON service_versions TO vegas_app;
