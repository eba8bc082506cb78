package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
)

// line is how requests go out. A connection that a kill has broken is not used again, and
// nothing is sent a second time without the player's knowledge.
type line struct{ http.Client }

// tooLong is when a player stops waiting for an answer: the service gives up after 5 s.
const tooLong = 10 * time.Second

func newLine(t testing.TB) *line {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	return &line{http.Client{Transport: transport, Timeout: tooLong}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is that of a problem, or empty.
func (a answer) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(a.body, &p) // no problem, no code
	return p.Code
}

// send sends one request once; an error means that the answer is not known.
func (l *line) send(ctx context.Context, method, url, token, key, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.GetBody = nil // or the transport would send it again by itself
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	got, err := l.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{got.StatusCode, got.Header, text}, nil
}

// alive reports whether a GET is answered with 200.
func alive(url string) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	got, err := client.Get(url)
	if err != nil {
		return false
	}
	return got.Body.Close() == nil && got.StatusCode == http.StatusOK
}

// guest is a signed in player.
type guest struct {
	ID, Token string
	Balance   int64
}

// signIn makes a player.
func (l *line) signIn(t testing.TB, base, name string) guest {
	t.Helper()
	var g guest
	platform.Await(t, "a player is signed in", func() bool {
		got, err := l.send(t.Context(), http.MethodPost, base+"/v1/guests", "", "", fmt.Sprintf(`{"name":%q}`, name))
		if err != nil || got.status == http.StatusServiceUnavailable {
			return false
		}
		var body struct {
			Player  struct{ ID string }
			Token   string
			Balance int64
		}
		if err := json.Unmarshal(got.body, &body); err != nil || got.status != http.StatusCreated {
			t.Fatalf("sign in: %d %s", got.status, got.body)
		}
		g = guest{body.Player.ID, body.Token, body.Balance}
		return true
	})
	return g
}

// balance is what the player is told to have.
func (l *line) balance(ctx context.Context, base string, g guest) (int64, error) {
	got, err := l.send(ctx, http.MethodGet, base+"/v1/me", g.Token, "", "")
	if err != nil {
		return 0, err
	}
	var body struct{ Balance *int64 }
	if err := json.Unmarshal(got.body, &body); err != nil || got.status != http.StatusOK || body.Balance == nil {
		return 0, fmt.Errorf("balance: %d %s", got.status, got.body)
	}
	return *body.Balance, nil
}
