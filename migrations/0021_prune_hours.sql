-- phase: expand
-- tx: on
--
-- Hours that no window reaches any more (migration 0015).

SELECT set_config('search_path', format('%I, pg_temp', current_schema()), true);

-- prune_hours removes what accounts had done before hours of long ago, at most so many. A
-- window begins at its first row, so what is before the longest one says nothing to anybody.
-- The services have no other right to delete there: less history would be more room for a
-- player's limit.
CREATE FUNCTION prune_hours(older interval, most integer, OUT looked bigint, OUT done bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before timestamptz := prune_before(older);
BEGIN
    IF older < limit_length('30d') + interval '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'prune: hours are needed for 31 days';
    END IF;
    DELETE FROM player_hours WHERE ctid = ANY (ARRAY(SELECT ctid FROM player_hours WHERE hour < before LIMIT most));
    GET DIAGNOSTICS done = ROW_COUNT;
    looked := done;
END
$$;

REVOKE ALL ON FUNCTION prune_hours(interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_hours(interval, integer) TO vegas_app;
