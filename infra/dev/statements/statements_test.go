package statements

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/pgtest"
)

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestOldCodeRunsOnTheNewSchema(t *testing.T) {
	t.Parallel()
	releases, err := Recorded()
	if err != nil {
		t.Fatal(err)
	}
	if len(releases) == 0 {
		t.Fatal("no release is recorded")
	}
	conn := dial(t, pgtest.New(t).URL)
	for _, r := range releases {
		if len(r.Statements) < 20 {
			t.Errorf("%s: only %d statements", r.Name, len(r.Statements))
		}
		refused, err := Try(t.Context(), conn, r.Statements)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range refused {
			t.Errorf("%s: %v: %s", r.Name, f.Err, f.Statement)
		}
		t.Logf("%s: %d statements", r.Name, len(r.Statements))
	}
}

// A column, table or function that a release uses is dropped or renamed.
func TestAChangeUnderOldCodeIsNoticed(t *testing.T) {
	t.Parallel()
	releases, err := Recorded()
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		"ALTER TABLE ledger_accounts RENAME COLUMN balance TO amount",
		"ALTER TABLE ledger_accounts DROP COLUMN balance CASCADE",
		"ALTER TABLE outbox RENAME TO letters",
		"DROP TABLE seeds CASCADE",
		"DROP FUNCTION play_record(uuid[], uuid[], text[], bytea[], text[], text[], text[], text, bigint[], bigint[], uuid[], bigint[], text[], text[], text[])",
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			if _, err := dial(t, database.AdminURL).Exec(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			conn, refusals := dial(t, database.URL), 0
			for _, r := range releases {
				refused, err := Try(t.Context(), conn, r.Statements)
				if err != nil {
					t.Fatal(err)
				}
				refusals += len(refused)
			}
			if refusals == 0 {
				t.Error("nobody noticed")
			}
		})
	}
}

func TestOnlyWhatCanBePlannedIsKept(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"select 1": true, " WITH a AS (SELECT 1) SELECT 2": true, "BEGIN": false, "SET LOCAL x = 1": false, "CREATE TABLE a ()": false} {
		if got := plannable.MatchString(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestConstantsComeBackWhereOnlyTheyMayStand(t *testing.T) {
	t.Parallel()
	got := mend("SELECT extract($1 FROM now() - $2), $3::int WHERE a < now() - interval $4 AND b = $3")
	if want := "SELECT extract(epoch FROM now() - $1), $2::int WHERE a < now() - interval '1 second' AND b = $2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
