package sweep

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/tournament"
)

func TestEndedTournamentsAreSettled(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	admin := database.AdminPool(t)
	account := grant(t, database)
	var player, over, running, wrong uuid.UUID
	if err := admin.QueryRow(t.Context(), `SELECT owner FROM ledger_accounts WHERE id = $1`, account).Scan(&player); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), postgres.Config{URL: database.URL, MaxConns: 1, Budget: 10}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, cup := range []*uuid.UUID{&over, &running, &wrong} {
		err := admin.QueryRow(t.Context(), `SELECT tournament_create('Cup', '{dice}', 'wagered', 100, now() - interval '1 hour', now() + interval '1 hour',
			now() - interval '2 hours', least_players => 1)`).Scan(cup)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tournament.Enter(t.Context(), db, tournament.Request{Tournament: *cup, Player: player, Key: cup.String()}); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, admin, roundSQL, uuid.Must(uuid.NewV7()), player, "settled", 50, 0)
	// As if an hour and three minutes ago; the third one's pool does not hold its fees.
	execute(t, admin, `UPDATE tournaments SET starts_at = starts_at - interval '63 min', opens_at = opens_at - interval '63 min', ends_at = ends_at - interval '63 min'
		WHERE id <> $1`, running)
	execute(t, admin, `UPDATE tournament_entries SET entered_at = entered_at - interval '63 min'`)
	execute(t, admin, `UPDATE rounds SET created_at = created_at - interval '10 min', settled_at = settled_at - interval '10 min'`)
	execute(t, admin, `UPDATE tournament_entries SET fee = 99 WHERE tournament_id = $1`, wrong)
	r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h")
	got := r.Tournaments
	if r.Code() != Failed || got.OK || got.Over != 1 || got.Paid != 1 || got.Stuck != 1 || got.Error == "" || !r.Ledger.OK {
		t.Errorf("got %+v and %+v", got, r.Ledger)
	}
	for cup, want := range map[uuid.UUID]tournament.State{over: tournament.Settled, running: tournament.Running, wrong: tournament.Ended} {
		if found, err := tournament.Find(t.Context(), db, cup); err != nil || found.State != want {
			t.Errorf("state = %s, %v; want %s", found.State, err, want)
		}
	}
	execute(t, admin, `UPDATE tournament_entries SET fee = 100 WHERE tournament_id = $1`, wrong)
	if r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h"); r.Code() != OK || r.Tournaments.Over != 1 {
		t.Errorf("put right: got %+v", r.Tournaments)
	}
	if r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h"); r.Code() != OK || r.Tournaments.Over != 0 || r.Tournaments.Paid != 0 {
		t.Errorf("again: got %+v", r.Tournaments)
	}
}
