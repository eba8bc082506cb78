package pubsub

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/auth"
)

func TestTheGatewaySignsWhatAnEmulatorPushes(t *testing.T) {
	t.Parallel()
	signer, err := NewSigner(t.TempDir(), issuer, email)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewPushVerifier(t.Context(), auth.PushConfig{Audience: audience, Issuer: issuer, Email: email, JWKSFile: keyFile(t, signer)})
	if err != nil {
		t.Fatal(err)
	}
	var body, path string
	events := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := verifier.Verify(r.Context(), r); err != nil {
			t.Error(err)
		}
		b, _ := io.ReadAll(r.Body)
		body, path = string(b), r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(events.Close)
	handler, err := Gateway(signer, []Subscription{{
		Name: "board", Endpoint: events.URL + "/leaderboard", Audience: audience, Email: email,
	}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(handler)
	t.Cleanup(gateway.Close)
	answer, err := http.Post(gateway.URL+"/board", "application/json", strings.NewReader(`{"message":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || body != `{"message":{}}` || path != "/leaderboard" {
		t.Errorf("got %d, body %q at %q", answer.StatusCode, body, path)
	}
	events.Close()
	answer, err = http.Post(gateway.URL+"/board", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadGateway {
		t.Errorf("a dead endpoint: got %d", answer.StatusCode)
	}
}
