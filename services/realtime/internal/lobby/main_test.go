package lobby

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a lobby on a real Redis with real clients.
type house struct {
	*testclient.Script
	t      *testing.T
	lobby  *Lobby
	signer *auth.Signer
	url    string
}

func open(t *testing.T) *house {
	t.Helper()
	private, _, err := auth.GenerateKey("test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	client, err := redisconn.Open(redistest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, signer: signer}
	ctx := t.Context() // ends before the clean-ups
	presence := cluster.NewPresence(client, cluster.PresenceOptions{Changed: func(c cluster.Change) { h.lobby.Changed(c) }}, slog.New(slog.DiscardHandler))
	rooms := socketio.New(socketio.Options{})
	h.lobby = New(rooms.Of("/"), gate{signer.Verifier()}, presence, slog.New(slog.DiscardHandler))
	ran := make(chan struct{})
	go func() { defer close(ran); presence.Run(ctx) }() // ends with the test; waited for below
	web := httptest.NewServer(rooms)
	t.Cleanup(func() {
		if err := rooms.Shutdown(t.Context(), 0); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		web.Close()
		<-ran
		client.Close()
	})
	h.url = web.URL
	h.Script = testclient.Start(t, "client.mjs")
	return h
}

// sit signs a new player in and connects a client under the player's name.
func (h *house) sit(name string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	h.connect(name, id, name)
	return id
}

func (h *house) connect(client string, id uuid.UUID, name string) {
	h.t.Helper()
	token, _, err := h.signer.Sign(id, name, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	h.dial(client, map[string]any{"token": token})
	h.On(client, "connect")
}

func (h *house) dial(client string, auth any) {
	h.t.Helper()
	h.Tell(testclient.Command{"do": "connect", "client": client, "url": h.url, "options": map[string]any{"auth": auth, "reconnection": false}})
}

// ask emits an event and returns its acknowledgement as JSON, a one-element array.
func (h *house) ask(client, event string, args ...any) string {
	h.t.Helper()
	answer, err := h.Ask(testclient.Command{"do": "emit", "client": client, "event": event, "args": append([]any{}, args...)})
	if err != nil {
		h.t.Fatalf("%s %s: %v", client, event, err)
	}
	return string(answer)
}

// hears waits for the next event of that name at a client.
func (h *house) hears(client, event string) testclient.Line {
	h.t.Helper()
	return h.Next(client+" hears "+event, func(l testclient.Line) bool {
		return l.Client == client && l.On == "event" && l.Event == event
	})
}

// gate verifies as the service does, and knows one token that has expired: the
// signer makes none.
type gate struct{ *auth.Verifier }

const expiredToken = "expired"

func (g gate) Verify(token string) (auth.Claims, error) {
	if token == expiredToken {
		return auth.Claims{}, problem.New(401, problem.TokenExpired, "the token has expired")
	}
	return g.Verifier.Verify(token)
}
