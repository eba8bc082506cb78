-- What the migration runner needs before the first migration: its own records.
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

-- One row: the oldest code that this schema still serves, named by the newest
-- migration that it was built with. Contract migrations raise it (their header says
-- to what), and a release with fewer migrations refuses to be rolled out from then on.
CREATE TABLE IF NOT EXISTS schema_compatibility (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    min_code_version integer NOT NULL DEFAULT 0 CHECK (min_code_version >= 0)
);
INSERT INTO schema_compatibility DEFAULT VALUES ON CONFLICT DO NOTHING;
