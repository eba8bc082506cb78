-- phase: expand
-- tx: off
--
-- How the open rounds of a player are found, in a table that may be large already.

CREATE INDEX CONCURRENTLY rounds_open_of ON rounds (player_id, game) WHERE state = 'open';
