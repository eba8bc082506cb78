package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// A job is gone before anybody could scrape it.
func TestTheFiguresOfAJobAreSent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/metrics" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, body...)
	}))
	defer collector.Close()
	environ := []string{"DATABASE_URL=" + pgtest.New(t).URL, "OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL}
	if got := run(context.Background(), nil, environ, io.Discard, io.Discard); got != sweep.OK {
		t.Errorf("exit code %d", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"ledger_imbalance", "sweep_ok"} {
		if !bytes.Contains(sent, []byte(name)) {
			t.Errorf("%s was not sent", name)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	broken := pgtest.New(t)
	ledgertest.Orphan(t, broken.AdminPool(t))
	figures := filepath.Join(t.TempDir(), "sweep.prom")
	for _, test := range []struct {
		name    string
		args    []string
		environ []string
		want    int
	}{
		{"all is well", nil, []string{"DATABASE_URL=" + database.URL, "METRICS_FILE=" + figures}, sweep.OK},
		{"the ledger disagrees", nil, []string{"DATABASE_URL=" + broken.URL}, sweep.Disagrees},
		{"a service is silent", nil, []string{"DATABASE_URL=" + database.URL, "SERVICES=http://127.0.0.1:1"}, sweep.Failed},
		{"no database", nil, nil, sweep.Usage},
		{"no such command", []string{"now"}, []string{"DATABASE_URL=" + database.URL}, sweep.Usage},
		{"a service without an audience", []string{"serve"}, []string{"DATABASE_URL=" + database.URL}, sweep.Failed},
		{"a service without a database", []string{"serve"}, nil, sweep.Usage},
	} {
		var out bytes.Buffer
		if got := run(context.Background(), test.args, test.environ, &out, io.Discard); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
		if printed := out.Len() > 0; printed != (test.want != sweep.Usage && test.args == nil) || printed && !json.Valid(out.Bytes()) {
			t.Errorf("%s: printed %s", test.name, out.String())
		}
	}
	text, err := os.ReadFile(figures)
	if err != nil || !strings.Contains(string(text), "\nledger_imbalance 0\n") {
		t.Errorf("figures: %v in\n%s", err, text)
	}
}
