-- phase: expand
-- tx: off
--
-- How the open bets of one draw are found, in a table that may be large already.

CREATE INDEX CONCURRENTLY rounds_open_by_seed ON rounds (seed_id, player_id) WHERE state = 'open';
