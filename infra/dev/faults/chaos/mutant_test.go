package chaos_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/faults/chaos"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// mutate rewrites the newest version of a function in the test's own database.
func mutate(t *testing.T, pg *pgtest.Database, function, from, to string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var text string
	err = conn.QueryRow(t.Context(), `SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = $1 ORDER BY oid DESC LIMIT 1`, function).Scan(&text)
	if err != nil || !strings.Contains(text, from) {
		t.Fatalf("%s has no %q: %v", function, from, err)
	}
	if _, err := conn.Exec(t.Context(), strings.Replace(text, from, to, 1)); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, pg *pgtest.Database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// dicers are players who often do not wait for an answer and send their key again.
func dicers(t *testing.T, floor *chaos.Floor) *chaos.Crowd {
	t.Helper()
	crowd := floor.Crowd(t, 8, func(int) chaos.Habit { return chaos.Dice() })
	crowd.Hasty = 0.5
	crowd.Play(t, 400)
	<-crowd.Done()
	return crowd
}

// A claim that does not look for the key plays retries again. The schema would refuse
// them, so the mutant has no unique index either.
func TestAClaimThatIgnoresTheKeyIsFound(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	floor := chaos.OpenOn(t, pg, 2)
	mutate(t, pg, "play_claim", "r.key = b.key", "false")
	execute(t, pg, `DROP INDEX rounds_key`)
	crowd := dicers(t, floor)
	v := crowd.Compare(t)
	t.Logf("of %d orders: %q", crowd.Counts().Orders, v.Faults())
	if v.Doubled == 0 {
		t.Errorf("nothing was doubled in %+v", v)
	}
}

// With its unique index the schema keeps such a claim from doing harm: the retry fails.
func TestTheSchemaRefusesWhatSuchAClaimWouldDouble(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	oracle.Watch(t, pg)
	floor := chaos.OpenOn(t, pg, 2)
	mutate(t, pg, "play_claim", "r.key = b.key", "false")
	v := dicers(t, floor).Compare(t)
	if v.Doubled > 0 || v.Lost > 0 || len(v.Odd) == 0 {
		t.Errorf("doubled %d, lost %d, odd %q; want only retries that failed", v.Doubled, v.Lost, v.Odd)
	}
}

// What the comparison has to find is made by hand in a history that was sound.
func TestTheComparisonFindsEachBreach(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	floor := chaos.OpenOn(t, pg, 2)
	crowd := dicers(t, floor)
	if v := crowd.Judge(t, nil); v.Acknowledged != 400 || v.Stored != 400 {
		t.Fatalf("%+v; want 400 orders", v)
	}
	const one = `(SELECT id FROM rounds ORDER BY id LIMIT 1)`
	for _, c := range []struct {
		breach string
		found  func(v chaos.Verdict) bool
	}{
		{`UPDATE rounds SET answer = replace(answer, 'settled', 'Settled') WHERE id = ` + one, func(v chaos.Verdict) bool { return v.Changed == 1 }},
		{`INSERT INTO rounds SELECT (jsonb_populate_record(r, '{"id":"00000000-0000-7000-8000-000000000000","key":"order-1000000"}')).* FROM rounds r WHERE id = ` + one,
			func(v chaos.Verdict) bool { return v.Unasked == 1 }},
		{`DELETE FROM rounds WHERE id IN (SELECT id FROM rounds ORDER BY id DESC LIMIT 3)`, func(v chaos.Verdict) bool { return v.Lost == 3 }},
	} {
		execute(t, pg, c.breach)
		if v := crowd.Compare(t); !c.found(v) {
			t.Errorf("%s: %q", c.breach, v.Faults())
		}
	}
	var account uuid.UUID
	admin := pg.AdminPool(t)
	if err := admin.QueryRow(t.Context(), `SELECT id FROM ledger_accounts WHERE kind = 'player' LIMIT 1`).Scan(&account); err != nil {
		t.Fatal(err)
	}
	ledgertest.Tamper(t, admin, account, 1)
	if v := crowd.Compare(t); v.Balances != 1 {
		t.Errorf("one chip too many: %q", v.Faults())
	}
}
