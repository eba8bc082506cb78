package lint

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func scratch(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Empty(t).AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

const head = "-- phase: expand\n-- tx: on\n"

// base is what there is before each statement of the corpus.
const base = head + `
CREATE TABLE players (id bigint PRIMARY KEY, name varchar(40) NOT NULL, email text, level int, code varchar(10));
CREATE TABLE rounds (id bigint PRIMARY KEY, player bigint, stake int NOT NULL, note text);
ALTER TABLE rounds ADD CONSTRAINT note_given CHECK (note IS NOT NULL) NOT VALID;
CREATE INDEX rounds_stake ON rounds (stake);
CREATE UNIQUE INDEX players_email ON players (email);
INSERT INTO players SELECT i, 'p' || i, i || '@x', 1, 'c' FROM generate_series(1, 50) i;
INSERT INTO rounds SELECT i, i, 5, 'n' FROM generate_series(1, 50) i;`

// check lints one statement after base. Text that begins with "--" is a whole migration.
func check(t *testing.T, text string) []Finding {
	t.Helper()
	if text[0] != '-' {
		text = head + text
	}
	scripts, err := script.Load(fstest.MapFS{"0001_base.sql": {Data: []byte(base)}, "0002_new.sql": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := Run(t.Context(), scratch(t), "", scripts, 1)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUnsafeStatementsAreFound(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		sql  string
		want Rule
	}{
		{"CREATE INDEX ON rounds (player)", Scans},
		{"CREATE UNIQUE INDEX ON rounds (player)", Scans},
		{"ALTER TABLE rounds ADD COLUMN at timestamptz DEFAULT clock_timestamp()", Rewrites},
		{"ALTER TABLE rounds ALTER COLUMN stake TYPE bigint", Rewrites},
		{"ALTER TABLE rounds ADD CHECK (stake > 0)", Scans},
		{"ALTER TABLE rounds ALTER COLUMN player SET NOT NULL", Scans},
		{"ALTER TABLE rounds ADD FOREIGN KEY (player) REFERENCES players (id)", Scans},
		{"ALTER TABLE rounds ADD UNIQUE (player)", Scans},
		{"ALTER TABLE players ADD COLUMN n serial", Rewrites},
		{"ALTER TABLE rounds ALTER COLUMN note TYPE varchar(5)", Rewrites},
		{"ALTER TABLE players DROP COLUMN level", Removes},
		{"ALTER TABLE players RENAME COLUMN name TO nickname", Removes},
		{"ALTER TABLE players RENAME TO users", Removes},
		{"DROP TABLE rounds", Removes},
		{"TRUNCATE rounds", Rewrites},
		{"LOCK TABLE rounds", Holds},
		{"ALTER TABLE rounds ADD COLUMN paid int; UPDATE rounds SET paid = 0", Updates},
		{"ALTER TABLE rounds ALTER COLUMN stake DROP DEFAULT; LOCK TABLE players IN SHARE MODE", Holds},
		{"REINDEX TABLE rounds", Scans},
		{"ALTER TABLE rounds SET UNLOGGED", Rewrites},
		{"ALTER TABLE players ALTER COLUMN code TYPE varchar(5)", Retypes},
		{"CREATE MATERIALIZED VIEW sums AS SELECT 1; ALTER TABLE rounds VALIDATE CONSTRAINT note_given; ALTER TABLE rounds ADD CHECK (note <> '')", Scans},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			found := check(t, c.sql)
			for _, f := range found {
				if f.Rule == c.want {
					return
				}
			}
			t.Errorf("%s: found %v, want %q", c.sql, found, c.want)
		})
	}
	// Of an empty table only: with rows it fails already.
	scripts, err := script.Load(fstest.MapFS{
		"0001_base.sql": {Data: []byte(head + "CREATE TABLE a ()")},
		"0002_new.sql":  {Data: []byte(head + "ALTER TABLE a ADD COLUMN b int NOT NULL")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := Run(t.Context(), scratch(t), "", scripts, 1); err != nil || !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == Demands }) {
		t.Errorf("a column that old code does not fill: %v, %v", found, err)
	}
}

func TestSafeStatementsAreNotFlagged(t *testing.T) {
	t.Parallel()
	const off = "-- phase: expand\n-- tx: off\n"
	for i, sql := range []string{
		"CREATE TABLE seats (id bigint PRIMARY KEY, player bigint); CREATE INDEX ON seats (player); INSERT INTO seats SELECT 1, 1",
		"ALTER TABLE rounds ADD COLUMN paid int",
		"ALTER TABLE rounds ADD COLUMN paid int NOT NULL DEFAULT 0",
		off + "CREATE INDEX CONCURRENTLY rounds_player ON rounds (player);",
		"ALTER TABLE rounds ADD CHECK (stake > 0) NOT VALID",
		off + "ALTER TABLE rounds VALIDATE CONSTRAINT note_given;",
		"ALTER TABLE rounds ADD FOREIGN KEY (player) REFERENCES players (id) NOT VALID",
		"ALTER TABLE players ALTER COLUMN name TYPE text",
		"ALTER TABLE rounds ALTER COLUMN stake SET DEFAULT 1",
		"ALTER TABLE players ADD CONSTRAINT players_email_key UNIQUE USING INDEX players_email",
		"CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		off + "DROP INDEX CONCURRENTLY IF EXISTS rounds_stake;",
		"GRANT SELECT ON rounds TO PUBLIC",
		"ALTER TABLE rounds SET (fillfactor = 80)",
		"ALTER TABLE players ALTER COLUMN name DROP NOT NULL",
		"CREATE VIEW big AS SELECT id FROM rounds WHERE stake > 100",
		"-- phase: contract\n-- tx: on\n-- code: 0001\nALTER TABLE players DROP COLUMN level",
		"-- phase: data\n-- tx: off\nUPDATE rounds SET note = 'x' WHERE note IS NULL;",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			if found := check(t, sql); len(found) != 0 {
				t.Errorf("%s: %v", sql, found)
			}
		})
	}
}

func TestTheReleasedMigrationsAreSafe(t *testing.T) {
	t.Parallel()
	scripts, err := script.Load(migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Run(t.Context(), scratch(t), migrations.Bootstrap, scripts, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
