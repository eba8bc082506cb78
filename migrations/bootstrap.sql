-- What the migration runner needs before the first migration: its own record.
-- Applied on every run, under the runner's lock; every statement is a no-op on a
-- database that has it. sha256 is the hex digest of the whole file as embedded;
-- finished_at stays NULL while a migration outside a transaction is under way.
CREATE TABLE IF NOT EXISTS schema_migrations (
    version     integer     PRIMARY KEY CHECK (version > 0),
    name        text        NOT NULL,
    sha256      text        NOT NULL,
    phase       text        NOT NULL CHECK (phase IN ('expand', 'contract', 'data')),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
