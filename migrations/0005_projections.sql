-- phase: expand
-- tx: on
--
-- What services/events makes of the facts. handled_events makes a consumer
-- idempotent: its row is inserted in the transaction of the effect.
CREATE TABLE handled_events (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- day is the UTC day of the round's settlement; amounts in minor units.
CREATE TABLE leaderboard_daily (
    day       date   NOT NULL,
    asset     text   NOT NULL,
    player_id uuid   NOT NULL,
    name      text   NOT NULL,
    rounds    bigint NOT NULL CHECK (rounds > 0),
    staked    bigint NOT NULL CHECK (staked >= 0),
    paid      bigint NOT NULL CHECK (paid >= 0),
    PRIMARY KEY (day, asset, player_id)
);

CREATE INDEX leaderboard_daily_net ON leaderboard_daily (day, asset, (paid - staked) DESC);

GRANT SELECT, INSERT ON handled_events TO vegas_app;
GRANT SELECT, INSERT, UPDATE ON leaderboard_daily TO vegas_app;
