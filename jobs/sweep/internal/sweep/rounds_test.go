package sweep

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
)

const roundSQL = `INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout,
	seed_id, nonce, params, answer, created_at, settled_at)
	VALUES ($1::uuid, $2, $1::uuid::text, sha256(''), 'dice', 'dice-1', 'dice/1', $3::text, 'PLAY', $4, $4, 0, gen_random_uuid(), 0, '{}', 'said',
	now() - make_interval(hours => $5), CASE WHEN $3::text <> 'open' THEN now() END)`

// leaveOpen holds a stake for a round and leaves it open, as if hours ago.
func leaveOpen(t *testing.T, database *pgtest.Database, account uuid.UUID, stake money.Amount, hours int) (round uuid.UUID) {
	t.Helper()
	round = uuid.Must(uuid.NewV7())
	admin := database.AdminPool(t)
	var player uuid.UUID
	if err := admin.QueryRow(t.Context(), `SELECT owner FROM ledger_accounts WHERE id = $1`, account).Scan(&player); err != nil {
		t.Fatal(err)
	}
	execute(t, admin, roundSQL, round, player, "open", int64(stake), hours)
	err := pgx.BeginFunc(t.Context(), database.Pool(t), func(tx pgx.Tx) error {
		return ledger.Post(t.Context(), tx, money.Play, ledger.HoldOf(round, account, stake))
	})
	if err != nil {
		t.Fatal(err)
	}
	return round
}

// finisher is the actions service as far as it finishes rounds: it says what answers holds,
// one after the other. Its callers need an identity token, which metadata gives.
func finisher(t *testing.T, asked *[]string, answers ...string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/rounds/finish" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			t.Errorf("asked %s %s with %v, %v", r.Method, r.URL, r.Header, err)
		}
		*asked = append(*asked, string(body))
		if len(*asked) > len(answers) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, answers[len(*asked)-1])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// metadata is Google's metadata server as far as it gives identity tokens.
func metadata(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		if !strings.HasSuffix(r.URL.Path, "/identity") {
			_, _ = io.WriteString(w, "vegascore-test")
			return
		}
		part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		claims := fmt.Sprintf(`{"aud":%q,"exp":%d}`, r.URL.Query().Get("audience"), time.Now().Add(time.Hour).Unix())
		_, _ = io.WriteString(w, part(`{"alg":"RS256"}`)+"."+part(claims)+"."+part("signature"))
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir()) // no credentials of whoever runs the test
}

func TestRoundsThatWereLeftAreFinishedOrVoided(t *testing.T) {
	metadata(t)
	database := pgtest.New(t)
	account, frozen := grant(t, database), grant(t, database)
	old, young, held := leaveOpen(t, database, account, 300, 25), leaveOpen(t, database, account, 50, 1), leaveOpen(t, database, frozen, 20, 25)
	admin := database.AdminPool(t)
	execute(t, admin, `SELECT ledger_freeze(ARRAY[$1::uuid], 'test')`, frozen)
	next := uuid.Must(uuid.NewV7())
	var asked []string
	url := finisher(t, &asked, fmt.Sprintf(`{"settled":2,"void":[%q],"failed":1,"next":%q}`, old, next), fmt.Sprintf(`{"settled":3,"void":[%q],"failed":0}`, held))
	r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h", "ACTIONS_URL="+url, "ACTIONS_AUDIENCE=https://actions.test")
	if r.Code() != Failed || r.Rounds.Settled != 5 || r.Rounds.Voided != 1 || r.Rounds.Stuck != 2 || r.Rounds.Error == "" || !r.Ledger.OK {
		t.Errorf("got %+v and %+v", r.Rounds, r.Ledger)
	}
	if diff := cmp.Diff([]string{`{"idle_s":86400}`, fmt.Sprintf(`{"idle_s":86400,"after":%q}`, next)}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for round, want := range map[uuid.UUID]string{old: "void", young: "open", held: "open"} {
		var state string
		if err := admin.QueryRow(context.Background(), `SELECT state FROM rounds WHERE id = $1`, round).Scan(&state); err != nil || state != want {
			t.Errorf("round is %s, %v; want %s", state, err, want)
		}
	}
	var balance, told int64
	err := admin.QueryRow(t.Context(), `SELECT (SELECT balance FROM ledger_accounts WHERE id = $1),
		(SELECT count(*) FROM outbox WHERE type = 'balance' AND body->0->>'balance' = '950')`, account).Scan(&balance, &told)
	if err != nil || balance != 950 || told != 1 {
		t.Errorf("balance %d, told %d times, %v; want 950, once", balance, told, err)
	}
	// Neither an answer that is none nor one that is missing ends a round.
	for _, env := range []string{"ACTIONS_URL=" + url, "ACTIONS_URL="} {
		r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h", env)
		if r.Code() != Failed || r.Rounds.Voided != 0 || r.Rounds.Error == "" || !r.Ledger.OK {
			t.Errorf("%s: got %+v", env, r)
		}
	}
}

// The round was settled between the look and the void.
func TestARoundThatHasEndedIsNotVoided(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	account := grant(t, database)
	round := leaveOpen(t, database, account, 300, 25)
	admin := database.AdminPool(t)
	execute(t, admin, `UPDATE rounds SET state = 'settled', settled_at = now() WHERE id = $1`, round)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: database.URL, MaxConns: 1, Budget: 10}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	late := stuck{id: round, asset: money.Play}
	if err := admin.QueryRow(t.Context(), `SELECT owner FROM ledger_accounts WHERE id = $1`, account).Scan(&late.player); err != nil {
		t.Fatal(err)
	}
	if ended, err := late.void(t.Context(), db); ended || err != nil {
		t.Errorf("ended %t, %v; want neither", ended, err)
	}
	if balance, err := ledger.BalanceOf(t.Context(), admin, late.player, money.Play); err != nil || balance != 700 {
		t.Errorf("balance %d, %v; want 700", balance, err)
	}
}
