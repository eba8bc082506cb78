package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/takings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const operators = "operators-token-of-24-b."

func execute(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql); err != nil {
		t.Error(err)
	}
}

// rounds writes n settled rounds at a table. Each third pays 2.97 times its stake.
func rounds(t *testing.T, pool *pgxpool.Pool, table string, n string) {
	t.Helper()
	execute(t, pool, `INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout, seed_id, nonce, params, answer, settled_at)
		SELECT overlay(gen_random_uuid()::text placing substr(uuid_at(clock_timestamp() + n * interval '1 ms')::text, 1, 13) || '-7' from 1 for 15)::uuid,
		gen_random_uuid(), gen_random_uuid()::text, sha256(''), 'dice', '`+table+`', 'dice/1', 'settled', 'PLAY', 100, CASE WHEN n % 3 = 0 THEN 297 ELSE 0 END,
		gen_random_uuid(), 0, '{}', '', now() FROM generate_series(1, `+n+`) AS n`)
}

// services are a healthy, a degraded and a silent one.
func services(context.Context) []Service {
	ms := int64(15)
	figures := health.Component{Status: health.Healthy, Details: map[string]any{"containers": 2, "sockets": 127, "rooms": 9}}
	return []Service{
		{URL: "http://realtime-1:8080", TookMS: 3, Document: health.Document{Status: health.Healthy, Version: "5.0.0", Uptime: 3600, Components: map[string]health.Component{
			"socketio": figures,
			"database": {Status: health.Healthy, Latency: &ms, Details: map[string]any{"poolSize": 51, "inUse": 4}},
			"system":   {Status: health.Healthy, Details: map[string]any{"memory": map[string]any{"percentage": 25}}},
		}}},
		{URL: "http://realtime-2:8080", TookMS: 4, Document: health.Document{Status: health.Degraded, Version: "5.0.0", Components: map[string]health.Component{
			"socketio": figures, "redis": {Status: health.Degraded, Reason: "redis_unavailable"},
		}}},
		{URL: "http://actions:8080", Error: "ask http://actions:8080: connection refused"},
	}
}

// books are the sums of a container with n bets that returned what they should.
func books(n uint64) map[string]takings.Sums {
	f := float64(n)
	return map[string]takings.Sums{"dice": {Bets: n, Staked: 100 * f, Paid: 98 * f, Expected: 99 * f, Variance: 9801 * f, Farthest: 99}}
}

// listed are two containers that write markup where texts are wanted, and an unfair game.
func listed(context.Context) ([]roster.Card, error) {
	const markup = `<img src=x onerror="document.title='run'">`
	ms := int64(7)
	return []roster.Card{
		{ID: "a1", Service: "actions", Revision: markup, Games: map[string]takings.Sums{
			"dice": books(600)["dice"], markup: {Bets: 9000, Staked: 9e5, Paid: 18e5, Expected: 891000, Variance: 9801 * 9000, Farthest: 99},
		}, Health: health.Document{Status: health.Healthy, Version: "5.0.1", Uptime: 90, Components: map[string]health.Component{
			"database": {Status: health.Healthy, Latency: &ms, Details: map[string]any{"poolSize": 51, "inUse": 4, "waitCount": 12, "refusedCount": 3}},
		}}},
		{ID: "r1", Service: "realtime", Crowd: &roster.Crowd{Sockets: 64, Rooms: 5}, Games: books(400), Health: health.Document{
			Status: health.Degraded, Version: markup, Components: map[string]health.Component{markup: {Status: health.Degraded, Reason: markup}},
		}},
	}, nil
}

func swept() any {
	return json.RawMessage(`{"ok":true,"ledger":{"ok":true,"pass":"full","transfers":3,"imbalance":0,"took_ms":5},"rounds":{"ok":true,"voided":0,"stuck":0,"took_ms":1},
		"outbox":{"ok":true,"sent":{},"took_ms":1},"pruned":{"ok":true,"rows":{"keys":2},"took_ms":1}}`)
}

func serve(t *testing.T, db Database, looks *atomic.Int32) *httptest.Server {
	t.Helper()
	c, err := New(Options{Database: db, Token: operators, Swept: swept, Containers: listed, Logger: slog.New(slog.DiscardHandler),
		Services: func(ctx context.Context) []Service { looks.Add(1); return services(ctx) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	return server
}

// See browsertest/console.mjs. Its npm packages come with `make test`; with SHOTS set to
// a folder there are pictures in it.
func TestAnOperatorLooksInABrowser(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	admin := database.AdminPool(t)
	rounds(t, admin, "dice-1", "39")
	rounds(t, admin, "<img src=x>", "1")
	execute(t, admin, `INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT gen_random_uuid(), s, 0, 'k', 't', '[]' FROM unnest(ARRAY['room', 'fact']) AS s`)
	execute(t, admin, `INSERT INTO service_versions (service, version) VALUES ('http://actions:8080', '5.0.0'), ('http://realtime:8080', '<img src=y>')`)
	ledgertest.Orphan(t, admin)
	execute(t, admin, `SELECT ledger_freeze(ARRAY(SELECT id FROM ledger_accounts), 'test')`)
	execute(t, admin, `UPDATE rounds SET payout = 3960 - 12 * 297 WHERE id = (SELECT id FROM rounds WHERE payout = 297 ORDER BY id LIMIT 1)`)
	rounds(t, admin, "dice-8", "5")
	execute(t, admin, `UPDATE rounds SET id = overlay(id::text placing substr(uuid_at(now() - interval '61 min')::text, 1, 13) from 1 for 13)::uuid WHERE table_id = 'dice-8'`)
	var looks atomic.Int32
	server := serve(t, database.Pool(t), &looks)
	cmd := exec.CommandContext(t.Context(), "node", "browsertest/console.mjs", server.URL+"/console/", operators, os.Getenv("SHOTS"))
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "more" {
			rounds(t, admin, "dice-2", "1")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("console.mjs: %v\n%s", err, failed.String())
	}
}

func get(t *testing.T, url, token string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer, body.String()
}

func TestFiguresNeedTheToken(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	server := serve(t, pgtest.New(t).Pool(t), &looks)
	for _, token := range []string{"", "x", operators + "x", operators[1:]} {
		if answer, body := get(t, server.URL+"/console/state", token); answer.StatusCode != http.StatusUnauthorized || strings.Contains(body, "services") {
			t.Errorf("token %q: %d %s", token, answer.StatusCode, body)
		}
	}
	if n := looks.Load(); n != 0 {
		t.Errorf("%d looks for those without the token", n)
	}
	none, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer x"} {
		r := httptest.NewRequest(http.MethodGet, "/console/state", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		if none.Handler().ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
			t.Errorf("a console without a token, asked with %q: %d", header, w.Code)
		}
	}
}

// Any number of open pages cost one look.
func TestManyPagesShareALook(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	server := serve(t, pgtest.New(t).Pool(t), &looks)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if answer, body := get(t, server.URL+"/console/state", operators); answer.StatusCode != http.StatusOK || !strings.Contains(body, `"errors":{}`) {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
	wg.Wait()
	if n := looks.Load(); n > 10 {
		t.Errorf("%d looks for 20 pages", n)
	}
}

// Without the database the page still shows the services, and why the rest is missing.
func TestThePageOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://127.0.0.1:1/x?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var looks atomic.Int32
	server := serve(t, pool, &looks)
	answer, body := get(t, server.URL+"/console/state", operators)
	var state State
	if err := json.Unmarshal([]byte(body), &state); err != nil || answer.StatusCode != http.StatusOK || len(state.Services) != 3 || len(state.Errors) != 8 {
		t.Errorf("%v: %d %s", err, answer.StatusCode, body)
	}
	if strings.Contains(body, `"games":null`) || strings.Contains(body, `"rounds":null`) {
		t.Errorf("the page cannot go through null: %s", body)
	}
}

// Without Redis there is no list, and the page says why.
func TestThePageOutlivesTheRoster(t *testing.T) {
	t.Parallel()
	c, err := New(Options{Database: pgtest.New(t).Pool(t), Swept: swept, Services: services, Logger: slog.New(slog.DiscardHandler),
		Containers: func(context.Context) ([]roster.Card, error) { return nil, errors.New("redis is away") }})
	if err != nil {
		t.Fatal(err)
	}
	s := c.gather(t.Context())
	if len(s.Errors) != 1 || s.Errors["containers"] != "redis is away" || s.Containers == nil || len(s.Services) != 3 || len(s.Migrations) == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestGamesJoinWhatTheDatabaseAndTheBooksHave(t *testing.T) {
	t.Parallel()
	got := games(
		[]hourly{{"slots", 2, 200, 50}, {"void", 1, 0, 0}},
		[]roster.Card{{Games: books(10)}, {Games: map[string]takings.Sums{"idle": {}, "broken": {Bets: 1, Staked: 1, Variance: -1e9}, "endless": {Bets: 1, Staked: 1e-300, Expected: 1e300}}}},
	)
	share := func(f float64) *float64 { return &f }
	want := []Game{
		{Game: "dice", Books: &Books{Bets: 10, RTP: .98, Theory: .99}},
		{Game: "slots", Rounds: 2, Stake: 200, Payout: 50, GGR: 150, RTP: share(.25)},
		{Game: "void", Rounds: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Books{}, "Low", "High")); diff != "" {
		t.Errorf("games (-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(got); err != nil {
		t.Error(err)
	}
}

func TestThePageIsWhole(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	server := serve(t, pgtest.New(t).Pool(t), &looks)
	names, err := fs.Glob(files, "page/*")
	if err != nil || len(names) < 5 {
		t.Fatalf("files: %v, %v", names, err)
	}
	unsafe := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|localStorage|sessionStorage|https?://[^\w\\/]*[a-z]+\.(?:com|org|net)/[a-z]`)
	for _, name := range append(names, "page/") {
		if strings.HasSuffix(name, "index.html") {
			continue // served as /
		}
		answer, body := get(t, server.URL+"/console/"+strings.TrimPrefix(name, "page/"), "")
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
		if found := unsafe.FindString(body); found != "" && !strings.HasSuffix(name, ".svg") {
			t.Errorf("%s uses %s", name, found)
		}
	}
}
