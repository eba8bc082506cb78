-- phase: expand
-- tx: on
--
-- vegas_app is the group role of every service. It holds only the rights that the
-- later migrations grant one by one, so that what a service may do to money is
-- decided here and not in its code. Login users are made members of it by whoever
-- provisions the database. A role belongs to the whole server, so a second
-- database on it finds the role there already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vegas_app') THEN
        CREATE ROLE vegas_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was faster
END
$$;

DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO vegas_app', current_schema());
END
$$;

GRANT SELECT ON schema_migrations TO vegas_app;
