package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) {
	// A library of the Pub/Sub client starts this one when it is loaded.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// sweep runs the job with these variables.
func sweep(t *testing.T, environ ...string) Result {
	t.Helper()
	c, err := ReadConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// grant gives a new player 1,000 and returns the account.
func grant(t *testing.T, database *pgtest.Database) uuid.UUID {
	t.Helper()
	ctx := context.Background()
	account := uuid.Must(uuid.NewV7())
	err := pgx.BeginFunc(ctx, database.Pool(t), func(tx pgx.Tx) error {
		if err := ledger.Open(ctx, tx, account, uuid.Must(uuid.NewV7()), money.Play); err != nil {
			return err
		}
		return ledger.Post(ctx, tx, money.Play, ledger.GrantTo(account, 1000))
	})
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// leave commits n rows for each sink, as if a minute ago.
func leave(t *testing.T, database *pgtest.Database, n int) {
	t.Helper()
	ctx := context.Background()
	err := pgx.BeginFunc(ctx, database.AdminPool(t), func(tx pgx.Tx) error {
		for i := range n {
			for _, sink := range []outbox.Sink{outbox.Room, outbox.Fact} {
				r := outbox.Row{EventID: uuid.Must(uuid.NewV7()), Sink: sink, Key: fmt.Sprint("key ", i%3), Type: "tick", Body: []byte(`[1]`)}
				if err := outbox.Add(ctx, tx, r); err != nil {
					return err
				}
			}
		}
		_, err := tx.Exec(ctx, "UPDATE outbox SET created_at = now() - interval '1 minute'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// topic makes a Pub/Sub with the topic "facts" and points the process to it.
func topic(t *testing.T) *pstest.Server {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	ctx := context.Background()
	client, err := pubsub.NewClient(ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/test/topics/facts"}); err != nil {
		t.Fatal(err)
	}
	return server
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	grant(t, database)
	r := sweep(t, "DATABASE_URL="+database.URL)
	if r.Code() != OK || r.Ledger.Transfers != 1 || r.Ledger.Accounts != 5 {
		t.Errorf("got %+v", r)
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["ok"] != true {
		t.Errorf("%v in %s", err, out.String())
	}
}

func TestALedgerThatDoesNotAddUpIsExitCodeOne(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	account := grant(t, database)
	if _, err := database.AdminPool(t).Exec(context.Background(), "TRUNCATE ledger_transfers"); err != nil {
		t.Fatal(err)
	}
	r := sweep(t, "DATABASE_URL="+database.URL, "SERVICES=http://127.0.0.1:1")
	if r.OK || r.Code() != Disagrees || len(r.Ledger.Wrong) != 1 || r.Ledger.Wrong[0] != account || r.Ledger.Sum != 1000 {
		t.Errorf("got %+v", r)
	}
}

func TestLeftOverRowsAreSent(t *testing.T) {
	database := pgtest.New(t)
	server := topic(t)
	leave(t, database, 10)
	r := sweep(t, "DATABASE_URL="+database.URL, "REDIS_URL="+redistest.New(t), "GOOGLE_CLOUD_PROJECT=test")
	if r.Code() != OK || r.Outbox.Sent["room"] != 10 || r.Outbox.Sent["fact"] != 10 || r.Outbox.Unsent != 0 {
		t.Errorf("got %+v", r.Outbox)
	}
	if n := len(server.Messages()); n != 10 {
		t.Errorf("%d facts came", n)
	}
}

func TestASinkThatIsAwayIsReportedAndTheOtherServed(t *testing.T) {
	database := pgtest.New(t)
	topic(t)
	leave(t, database, 10)
	for name, redis := range map[string]string{"down": "redis://127.0.0.1:1", "not configured": ""} {
		r := sweep(t, "DATABASE_URL="+database.URL, "REDIS_URL="+redis, "GOOGLE_CLOUD_PROJECT=test")
		if r.Code() != Failed || r.Outbox.Unsent != 10 || r.Outbox.OldestMS < 60_000 || r.Outbox.Error == "" {
			t.Errorf("%s: got %+v", name, r.Outbox)
		}
	}
}

func TestYoungRowsAreTheServices(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	ctx := context.Background()
	err := pgx.BeginFunc(ctx, database.Pool(t), func(tx pgx.Tx) error {
		return outbox.Add(ctx, tx, outbox.Row{EventID: uuid.Must(uuid.NewV7()), Sink: outbox.Room, Key: "k", Type: "t", Body: []byte(`[]`)})
	})
	if err != nil {
		t.Fatal(err)
	}
	r := sweep(t, "DATABASE_URL="+database.URL, "OUTBOX_OLDER_THAN=1h")
	if r.Code() != OK || r.Outbox.Unsent != 1 || len(r.Outbox.Sent) != 0 {
		t.Errorf("got %+v", r.Outbox)
	}
}

func TestADatabaseThatIsAwayIsExitCodeThree(t *testing.T) {
	t.Parallel()
	r := sweep(t, "DATABASE_URL=postgres://127.0.0.1:1/x")
	if r.Code() != Failed || r.Ledger.Error == "" || r.Outbox.Error == "" {
		t.Errorf("got %+v", r)
	}
}

func TestServicesAreAskedHowTheyAre(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	answers := map[string]struct {
		code int
		body string
		ok   bool
		want string
	}{
		"healthy":   {200, `{"status":"healthy","uptime":1,"components":{}}`, true, ""},
		"degraded":  {200, `{"status":"degraded","uptime":1,"components":{}}`, true, ""},
		"unhealthy": {503, `{"status":"unhealthy","uptime":1,"components":{}}`, false, ""},
		"missing":   {404, `{}`, false, "404"},
		"moved":     {302, ``, false, "302"},
		"page":      {200, `<html>`, false, "without a health document"},
		"huge":      {200, `{"status":"healthy","version":"` + strings.Repeat("x", maxDocument) + `"}`, false, "without a health document"},
		"hung":      {0, ``, false, "deadline"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[strings.Trim(strings.TrimSuffix(r.URL.Path, "/health"), "/")]
		if a.code == 0 {
			<-release
			return
		}
		if a.code == 302 {
			w.Header().Set("Location", "/healthy/health")
		}
		w.WriteHeader(a.code)
		fmt.Fprint(w, a.body)
	}))
	defer server.Close()
	defer close(release)
	var names, urls []string
	for name := range answers {
		names, urls = append(names, name), append(urls, server.URL+"/"+name)
	}
	began := time.Now()
	for i, s := range judge(Ask(context.Background(), Config{Services: urls}, time.Second)) {
		a := answers[names[i]]
		if s.OK != a.ok || !strings.Contains(strings.ToLower(s.Error), a.want) || s.URL != urls[i] {
			t.Errorf("%s: got %+v", names[i], s)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("asking took %s", took)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	c, err := ReadConfig([]string{"DATABASE_URL=postgres://h/db", "SERVICES=http://a:1/, https://b/base", "SWEEP_TIMEOUT="})
	if err != nil || strings.Join(c.Services, " ") != "http://a:1 https://b/base" || c.Timeout != 5*time.Minute || c.Database.StatementTimeout != c.Timeout {
		t.Errorf("got %+v, %v", c, err)
	}
	for want, environ := range map[string][]string{
		"DATABASE_URL":    {},
		"SERVICES":        {"DATABASE_URL=postgres://h/db", "SERVICES=localhost:8080"},
		"SERVICE_TIMEOUT": {"DATABASE_URL=postgres://h/db", "SERVICE_TIMEOUT=-1s"},
		"Timeout":         {"DATABASE_URL=postgres://h/db", "SWEEP_TIMEOUT=soon"},
	} {
		if _, err := ReadConfig(environ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want it to name %s", environ, err, want)
		}
	}
}
