-- phase: expand
-- tx: off
--
-- A player's rounds, newest first, in a table that may be large already. Ids of rounds
-- grow with time.

CREATE INDEX CONCURRENTLY rounds_of ON rounds (player_id, id DESC);
