-- phase: expand
-- tx: on
--
-- The outbox of package shared/outbox: what a transaction has to say to the
-- outside, committed with it. One row per sink, so each sink has its own mark.
-- Rows of one key share a lane; whoever drains a lane holds its lock, which keeps
-- the order per key while other lanes are drained by other containers.
CREATE TABLE outbox (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL,
    sink        text        NOT NULL CHECK (sink IN ('room', 'fact')),
    lane        smallint    NOT NULL CHECK (lane BETWEEN 0 AND 7),
    key         text        NOT NULL,
    type        text        NOT NULL,
    body        json        NOT NULL,
    traceparent text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz
);

CREATE INDEX outbox_unsent ON outbox (sink, lane, id) WHERE sent_at IS NULL;

GRANT SELECT, INSERT ON outbox TO vegas_app;
GRANT UPDATE (sent_at) ON outbox TO vegas_app;
