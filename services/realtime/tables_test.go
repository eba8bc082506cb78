package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/auth/authtest"
	"github.com/vegascore/vegascore/shared/redistest"
)

const (
	audience = "https://actions.example"
	account  = "realtime@vegascore.iam.gserviceaccount.com"
)

// actions is the actions service, as far as a croupier sees it. Tables advance for callers
// with a good identity token only.
type actions struct {
	URL string

	mu       sync.Mutex
	advanced int
	fence    int64 // of the last call
	refused  []error
	traced   bool
}

func newActions(t *testing.T) *actions {
	t.Helper()
	google := authtest.NewGoogle(t)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		w.Header().Set("Connection", "close")
		if strings.HasSuffix(r.URL.Path, "/identity") {
			_, _ = fmt.Fprint(w, google.Sign(t, authtest.Key, authtest.Claims(account, r.URL.Query().Get("audience"), nil)))
		}
	}))
	t.Cleanup(metadata.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir()) // no credentials of whoever runs the test
	verifier, err := auth.NewPushVerifier(t.Context(), auth.PushConfig{Audience: audience, Email: account, Issuer: "https://accounts.google.com", JWKSURL: google.URL})
	if err != nil {
		t.Fatal(err)
	}
	a := &actions{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tables", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"tables":[{"id":"roulette-1","shared":true}]}`)
	})
	mux.HandleFunc("POST /v1/tables/roulette-1/advance", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Fence int64 }
		err := verifier.Verify(r.Context(), r)
		if err == nil {
			err = json.NewDecoder(r.Body).Decode(&body)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if err != nil {
			a.refused = append(a.refused, err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.advanced++
		a.fence, a.traced = body.Fence, r.Header.Get("Traceparent") != ""
		_, _ = fmt.Fprint(w, `{"table":"roulette-1","round":"r","seq":1,"state":"settled","next_ms":50}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// calls are how often the table was advanced, and by which lease last.
func (a *actions) calls() (int, int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.advanced, a.fence
}

// further waits until the table was advanced some times more, and returns the last fence.
func (a *actions) further(s *service) (fence int64) {
	before, _ := a.calls()
	s.await("the table is advanced", func() (bool, any) {
		n, f := a.calls()
		fence = f
		a.mu.Lock()
		defer a.mu.Unlock()
		return n >= before+3, a.refused
	})
	return fence
}

func TestContainersWithPlayersKeepTheClockOfASharedTable(t *testing.T) {
	s, a := newService(t, redistest.Server(t).URL), newActions(t)
	variables := []string{"ACTIONS_URL=" + a.URL + "/", "ACTIONS_AUDIENCE=" + audience, "CROUPIER_LEASE=1m"}
	one, internal, end := s.container(variables...)
	two, other, _ := s.container(variables...)
	client := testclient.Start(t, "client.mjs")
	sit := func(name, address string) {
		client.Tell(testclient.Command{"do": "connect", "client": name, "url": address, "options": map[string]any{
			"auth": map[string]any{"token": s.token(name)}, "reconnection": false,
		}})
		client.On(name, "connect")
		if _, err := client.Ask(testclient.Command{"do": "emit", "client": name, "event": "join", "args": []any{"table:roulette-1"}}); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(address, want string) {
		t.Helper()
		s.await(want, func() (bool, any) {
			_, text := s.get(address + "/metrics")
			return strings.Contains(text, "\n"+want+"\n"), text
		})
	}
	shows(internal, "croupier_leading 0")
	sit("Ada", one)
	first := a.further(s)
	shows(internal, "croupier_leading 1")
	sit("Bob", two)
	if f := a.further(s); f != first {
		t.Errorf("fence %d after another container has a player; want %d still", f, first)
	}
	shows(other, "croupier_leading 0")

	began := time.Now()
	if err := end(); err != nil {
		t.Error(err)
	}
	if f := a.further(s); f <= first {
		t.Errorf("fence %d after the leader's end; want a later one than %d", f, first)
	}
	t.Logf("the other one leads %s after the end began", time.Since(began))
	shows(other, "croupier_leading 1")
	shows(other, "croupier_lease_lost_total 0")
	shows(other, `croupier_advances_total{result="stale"} 0`)

	client.Tell(testclient.Command{"do": "disconnect", "client": "Bob"})
	shows(other, "croupier_leading 0")
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.refused) > 0 || !a.traced {
		t.Errorf("requests refused: %v; with a traceparent: %t", a.refused, a.traced)
	}
}

func TestTheCroupiersSettingsAreChecked(t *testing.T) {
	t.Parallel()
	keys := newService(t, "").keys
	for _, test := range []struct{ variable, want string }{
		{"ACTIONS_URL=actions:8080", "ACTIONS_URL"},
		{"ACTIONS_URL=ftp://actions", "ACTIONS_URL"},
		{"ACTIONS_URL=https://", "ACTIONS_URL"},
		{"CROUPIER_LEASE=100ms", "CROUPIER_LEASE"},
		{"CROUPIER_LEASE=2m", "CROUPIER_LEASE"},
		{"ACTIONS_URL=https://actions.example/", ""},
	} {
		name, value, _ := strings.Cut(test.variable, "=")
		c, err := readConfig(func(n string) string { return map[string]string{name: value, "TOKEN_KEYS": keys}[n] })
		if test.want == "" {
			if err != nil || c.Tables.Actions != "https://actions.example" {
				t.Errorf("%s: %q, %v", test.variable, c.Tables.Actions, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that names %s", test.variable, err, test.want)
		}
	}
}
