-- phase: expand
-- tx: on
--
-- What services/events makes of the facts. handled_events makes a consumer
-- idempotent: its row is inserted in the transaction of the effect, so a second
-- delivery finds it, or waits for the first one to commit and then finds it.
CREATE TABLE handled_events (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Rows older than the longest time that Pub/Sub may still deliver an event (31
-- days) are of no use; this is how they are found.
CREATE INDEX handled_events_age ON handled_events USING brin (handled_at);

-- day is the UTC day of the round's settlement; amounts in minor units. name is the
-- one that the player had at seen_at, the latest settlement that was applied: events
-- may come in any order and the row is the same in the end.
CREATE TABLE leaderboard_daily (
    day       date        NOT NULL,
    asset     text        NOT NULL,
    player_id uuid        NOT NULL,
    name      text        NOT NULL,
    seen_at   timestamptz NOT NULL,
    rounds    bigint      NOT NULL CHECK (rounds > 0),
    staked    bigint      NOT NULL CHECK (staked >= 0),
    paid      bigint      NOT NULL CHECK (paid >= 0),
    PRIMARY KEY (day, asset, player_id)
) WITH (fillfactor = 80);

-- Measured with 50,000 players in a day: the best 100 in 0.24 ms, 42 ms without this
-- index; a round costs 0.17 ms, 0.13 ms without it.
CREATE INDEX leaderboard_daily_net ON leaderboard_daily (day, asset, (paid - staked) DESC, player_id);

GRANT SELECT, INSERT ON handled_events TO vegas_app;
GRANT SELECT, INSERT ON leaderboard_daily TO vegas_app;
GRANT UPDATE (name, seen_at, rounds, staked, paid) ON leaderboard_daily TO vegas_app;
