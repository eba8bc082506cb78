package sweep

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/pgtest"
)

const tableRoundSQL = `INSERT INTO table_rounds (id, table_id, seq, game, rules, state, server_seed, server_hash, client_seed, opened_at, locks_at, locked_at, due_at)
	VALUES ($1, $2, 1, 'roulette', 'roulette/1', $3::text, repeat('a', 64), repeat('b', 64), 'c', now() - $4::interval, now() - $4::interval + interval '15 s',
	CASE WHEN $3::text = 'locked' THEN now() - $4::interval + interval '15 s' END, CASE WHEN $3::text = 'locked' THEN now() - $4::interval + interval '20 s' END)`

func TestTablesThatWereLeftAreMovedOnOrVoid(t *testing.T) {
	metadata(t)
	database := pgtest.New(t)
	admin := database.AdminPool(t)
	account := grant(t, database)
	hopeless := uuid.Must(uuid.NewV7())
	for _, r := range []struct {
		id               uuid.UUID
		table, state, is string
	}{
		{uuid.Must(uuid.NewV7()), "roulette-1", "open", "2 minutes"},
		{uuid.Must(uuid.NewV7()), "roulette-2", "locked", "2 minutes"},
		{uuid.Must(uuid.NewV7()), "roulette-3", "open", "20 seconds"}, // somebody leads it
		{hopeless, "roulette-4", "locked", "25 hours"},
	} {
		execute(t, admin, tableRoundSQL, r.id, r.table, r.state, r.is)
	}
	bet := leaveOpen(t, database, account, 300, 25)
	execute(t, admin, `UPDATE rounds SET seed_id = $2, table_id = 'roulette-4' WHERE id = $1`, bet, hopeless)

	var mu sync.Mutex
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body) // what cannot be read is not {}
		asked[r.URL.Path]++
		switch {
		case r.URL.Path == "/v1/rounds/finish":
			_, _ = io.WriteString(w, `{"settled":0,"void":[],"failed":0}`)
		case string(body) != "{}" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			t.Errorf("asked %s with %s", r.URL.Path, body)
		case strings.Contains(r.URL.Path, "roulette-1") && asked[r.URL.Path] < 3:
			_, _ = io.WriteString(w, `{"state":"locked","next_ms":0}`)
		case strings.Contains(r.URL.Path, "roulette-2"):
			_, _ = io.WriteString(w, `{"state":"locked","next_ms":4000}`)
		case strings.Contains(r.URL.Path, "roulette-4"):
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, `{"state":"settled","next_ms":0}`)
		}
	}))
	t.Cleanup(server.Close)
	r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h", "ACTIONS_URL="+server.URL, "ACTIONS_AUDIENCE=https://actions.test")
	if r.Rounds.Tables != 1 || r.Rounds.Voided != 1 || r.Rounds.OK || !strings.Contains(r.Rounds.Error, "roulette-4") || !r.Ledger.OK {
		t.Errorf("got %+v and %+v", r.Rounds, r.Ledger)
	}
	for path, want := range map[string]int{"roulette-1": 3, "roulette-2": 1, "roulette-3": 0, "roulette-4": 1} {
		if got := asked["/v1/tables/"+path+"/advance"]; got != want {
			t.Errorf("%s was asked %d times; want %d", path, got, want)
		}
	}
	var state, bets string
	var balance int64
	err := admin.QueryRow(t.Context(), `SELECT t.state, r.state, a.balance FROM table_rounds t JOIN rounds r ON r.seed_id = t.id JOIN ledger_accounts a ON a.owner = r.player_id
		WHERE t.id = $1`, hopeless).Scan(&state, &bets, &balance)
	if err != nil || state != "void" || bets != "void" || balance != 1000 {
		t.Errorf("the hopeless round is %s, its bet %s, balance %d, %v; want both void and 1000", state, bets, balance, err)
	}
	if r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h"); r.Rounds.OK || !strings.Contains(r.Rounds.Error, "ACTIONS_URL") {
		t.Errorf("without ACTIONS_URL: %+v", r.Rounds)
	}
}
