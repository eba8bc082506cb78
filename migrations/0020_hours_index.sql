-- phase: expand
-- tx: off
--
-- How old hours are found. They are written in the order of time.

CREATE INDEX CONCURRENTLY player_hours_hour ON player_hours USING brin (hour);
