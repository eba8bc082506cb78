-- phase: expand
-- tx: off
--
-- The seeds of a player, in a table that may be large already. Without it each guest who
-- is pruned has all seeds read, for the foreign key: with 60,000 of them a thousand guests
-- took 20 s, and with it 0.1 s.

CREATE INDEX CONCURRENTLY seeds_of ON seeds (player_id);
