package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/auth/authtest"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// Who may call, and for what.
const (
	scheduler = "scheduler@vegascore.iam.gserviceaccount.com"
	audience  = "https://sweep.vegascore.example"
)

func TestMain(m *testing.M) {
	// A library of the Pub/Sub client starts this one when it is loaded.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const operators = "operators-token-of-24-b."

// start serves with these variables and returns where: the scheduler's listener and
// the internal one. It ends with the test, without an error.
func start(t *testing.T, environ ...string) (public, internal string) {
	t.Helper()
	c, err := ReadConfig(append([]string{"PORT=0", "LOCAL_ONLY=1", "PUSH_AUDIENCE=" + audience, "PUSH_EMAIL=" + scheduler, "CONSOLE_TOKEN=" + operators}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	c.Port = 0
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { // ends with cancel
		err := Run(ctx, c, write)
		write.CloseWithError(errors.Join(err, io.EOF))
		if err != nil {
			t.Error(err)
		}
	})
	addrs := make(chan [2]string, 8)
	wg.Go(func() { // ends with the log
		for lines := bufio.NewScanner(read); lines.Scan(); {
			var line struct{ Message, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Addr != "" {
				addrs <- [2]string{line.Message, "http://" + line.Addr}
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	for public == "" || internal == "" {
		select {
		case a := <-addrs:
			if a[0] == "listening" {
				public = a[1]
			} else {
				internal = a[1]
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the service does not listen")
		}
	}
	return public, internal
}

// request sends one request without keeping the connection.
func request(t *testing.T, method, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
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
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestOnlyTheSchedulerStartsASweep(t *testing.T) {
	t.Parallel()
	g, stranger := authtest.NewGoogle(t), authtest.NewGoogle(t)
	database := pgtest.New(t)
	public, internal := start(t, "DATABASE_URL="+database.URL, "PUSH_JWKS_URL="+g.URL)
	if n := g.Fetches(); n != 0 {
		t.Errorf("%d fetches of keys before the first token", n)
	}
	for _, test := range []struct {
		name, token string
		want        int
		code        string
	}{
		{"no token", "", 401, "token_missing"},
		{"another's signature", stranger.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, nil)), 401, "token_invalid"},
		{"an unknown key", g.Sign(t, "key-2", authtest.Claims(scheduler, audience, nil)), 401, "token_invalid"},
		{"another audience", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"aud": "https://other.example"})), 401, "token_invalid"},
		{"another issuer", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"iss": "https://evil.example"})), 401, "token_invalid"},
		{"expired", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})), 401, "token_expired"},
		{"another account", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"email": "mallory@vegascore.iam.gserviceaccount.com"})), 403, "forbidden"},
		{"no account", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"email": nil})), 403, "forbidden"},
		{"an account that is not verified", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, map[string]any{"email_verified": false})), 403, "forbidden"},
	} {
		if status, body := request(t, "POST", public+"/sweep", test.token); status != test.want || !strings.Contains(body, `"`+test.code+`"`) {
			t.Errorf("%s: got %d %s, want %d %s", test.name, status, body, test.want, test.code)
		}
	}
	good := g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, nil))
	status, body := request(t, "POST", public+"/sweep", good)
	var result sweep.Result
	if err := json.Unmarshal([]byte(body), &result); err != nil || status != 200 || !result.OK || result.Ledger.Pass != sweep.Full {
		t.Errorf("the scheduler: got %d %s", status, body)
	}
	if status, body := request(t, "POST", public+"/sweep?pass=half", good); status != 422 {
		t.Errorf("a pass that does not exist: got %d %s", status, body)
	}
	if status, body := request(t, "GET", public+"/console/", ""); status != 404 {
		t.Errorf("the console on the scheduler's port: got %d %s", status, body)
	}
	_, figures := request(t, "GET", internal+"/metrics", "")
	for _, want := range []string{"ledger_imbalance 0", `sweep_ok{part="ledger"} 1`, `sweep_runs_total{result="ok"} 1`} {
		if !strings.Contains(figures, "\n"+want) {
			t.Errorf("/metrics has no %q", want)
		}
	}
	status, body = request(t, "GET", internal+"/console/state", operators)
	if status != 200 || !strings.Contains(body, `"swept":{"ok":true`) || !strings.Contains(body, `"errors":{}`) {
		t.Errorf("the console: got %d %s", status, body)
	}
	if status, _ := request(t, "GET", internal+"/console/state", "operators-token-of-24-b?"); status != 401 {
		t.Errorf("the console with another token: got %d", status)
	}
}

func TestALedgerThatDisagreesIsAFailedSweep(t *testing.T) {
	t.Parallel()
	g := authtest.NewGoogle(t)
	database := pgtest.New(t)
	public, internal := start(t, "DATABASE_URL="+database.URL, "PUSH_JWKS_URL="+g.URL)
	ledgertest.Orphan(t, database.AdminPool(t))
	if status, body := request(t, "POST", public+"/sweep?pass=full", g.Sign(t, authtest.Key, authtest.Claims(scheduler, audience, nil))); status != 500 || !strings.Contains(body, `"imbalance":1`) {
		t.Errorf("got %d %s", status, body)
	}
	if _, figures := request(t, "GET", internal+"/metrics", ""); !strings.Contains(figures, "\nledger_imbalance 1") || !strings.Contains(figures, "\nledger_frozen_accounts 1") {
		t.Error("the figures do not say so")
	}
}

// allowed lets everybody in.
type allowed struct{}

func (allowed) Verify(context.Context, *http.Request) error { return nil }

func TestOneSweepAtATimeAndItsEndIsThatOfTheContainer(t *testing.T) {
	t.Parallel()
	stop, end := context.WithCancel(context.Background())
	defer end()
	began := make(chan struct{})
	start := &trigger{verifier: allowed{}, stop: stop, observe: func(sweep.Result) {},
		run: func(ctx context.Context, _ sweep.Pass) (sweep.Result, error) {
			close(began)
			<-ctx.Done()
			return sweep.Result{}, nil
		}}
	metrics, log := telemetry.NewMetrics(), slog.New(slog.DiscardHandler)
	server := httptest.NewServer(routes(start, metrics, health.New(health.Options{Logger: log}), log))
	defer server.Close()
	first := make(chan int, 1)
	go func() { // ends when the sweep is stopped
		status, _ := request(t, "POST", server.URL+"/sweep", "")
		first <- status
	}()
	<-began
	if status, body := request(t, "POST", server.URL+"/sweep", ""); status != 429 {
		t.Errorf("a second one: got %d %s", status, body)
	}
	end()
	if status := <-first; status != 500 {
		t.Errorf("the one that was stopped: got %d", status)
	}
}

func TestConfigOfTheServiceIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := ReadConfig([]string{"PORT=x"}); err == nil || !strings.Contains(err.Error(), "Port") || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("got %v", err)
	}
	c, err := ReadConfig([]string{"DATABASE_URL=postgres://127.0.0.1:1/x", "PUSH_AUDIENCE=a", "PUSH_EMAIL=e", "CONSOLE_TOKEN=short", "LOCAL_ONLY=1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), c, io.Discard); err == nil || !strings.Contains(err.Error(), "console token") {
		t.Errorf("a short token: got %v", err)
	}
	c.Push.Email = ""
	if err := Run(t.Context(), c, io.Discard); err == nil || !strings.Contains(err.Error(), "PUSH_EMAIL") {
		t.Errorf("nobody to accept tokens of: got %v", err)
	}
}
