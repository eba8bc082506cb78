package lobby

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/internal/chat"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is two containers on a real Redis, with real clients. Its lobby is the first
// one's.
type house struct {
	*testclient.Script
	t       *testing.T
	lobby   *Lobby
	lobbies [2]*Lobby
	rights  [2]*private
	urls    [2]string
	signer  *auth.Signer
	redis   redis.UniversalClient
	server  *redistest.Instance
}

// private is a table that one player may enter.
type private struct {
	Public
	player uuid.UUID
}

func (r *private) Enter(player auth.Claims, room string) error {
	if room == "table:private-1" && player.Player == r.player {
		return nil
	}
	return r.Public.Enter(player, room)
}

var vip = uuid.New()

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
	h := &house{t: t, signer: signer, server: redistest.Server(t)}
	for n := range h.lobbies {
		h.container(n)
	}
	h.lobby = h.lobbies[0]
	h.Script = testclient.Start(t, "client.mjs")
	return h
}

// container starts one that the test ends.
func (h *house) container(n int) {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	publish, subscribe, err := redisconn.OpenPair(h.server.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	h.redis = publish
	ctx := h.t.Context() // ends before the clean-ups
	presence := cluster.NewPresence(publish, cluster.PresenceOptions{Changed: func(c cluster.Change) { h.lobbies[n].Changed(c) }}, log)
	adapter := cluster.NewRedis(publish, subscribe, cluster.Options{}, log)
	rooms := socketio.New(socketio.Options{Adapter: adapter, Recovery: time.Minute, Logger: log})
	h.rights[n] = &private{player: vip}
	h.lobbies[n] = New(rooms.Of("/"), Parts{
		Verifier: gate{h.signer.Verifier()}, Presence: presence, Rights: h.rights[n],
		Chats: chat.New(publish, chat.Options{}, log), Logger: log,
	})
	var wg sync.WaitGroup
	wg.Go(func() { presence.Run(ctx) }) // end with the test; waited for below
	wg.Go(func() { adapter.Run(ctx) })
	wg.Go(func() { h.lobbies[n].Run(ctx) })
	web := httptest.NewServer(rooms)
	h.urls[n] = web.URL
	h.t.Cleanup(func() {
		_ = rooms.Shutdown(context.Background(), 0) // the adapter has ended with the test
		web.Close()
		wg.Wait()
		_ = publish.Close()
		_ = subscribe.Close()
	})
}

// sit signs a new player in and connects a client under the player's name to the first
// container.
func (h *house) sit(name string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	h.connect(name, 0, id, name)
	return id
}

func (h *house) connect(client string, container int, id uuid.UUID, name string) {
	h.t.Helper()
	token, _, err := h.signer.Sign(id, name, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	h.dial(client, container, map[string]any{"token": token})
	h.On(client, "connect")
}

func (h *house) dial(client string, container int, auth any) {
	h.t.Helper()
	h.Tell(testclient.Command{"do": "connect", "client": client, "url": h.urls[container], "options": map[string]any{"auth": auth, "reconnection": false}})
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

// answer is ask, decoded; it has to be ok.
func (h *house) answer(to any, client, event string, args ...any) {
	h.t.Helper()
	text := h.ask(client, event, args...)
	var ok []struct{ OK bool }
	if err := json.Unmarshal([]byte(text), &ok); err != nil || len(ok) != 1 || !ok[0].OK {
		h.t.Fatalf("%s %s %v: %s", client, event, args, text)
	}
	into := []any{to}
	if err := json.Unmarshal([]byte(text), &into); err != nil {
		h.t.Fatalf("%s %s %v: %s: %v", client, event, args, text, err)
	}
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
