-- phase: expand
-- tx: off
--
-- How the best of a day are found by what they wagered and by their best multiplier, in a
-- table that may be large already.

CREATE INDEX CONCURRENTLY leaderboard_daily_wagered ON leaderboard_daily (day, asset, staked DESC, player_id);
CREATE INDEX CONCURRENTLY leaderboard_daily_best ON leaderboard_daily (day, asset, best DESC, best_at, player_id) WHERE best IS NOT NULL;
