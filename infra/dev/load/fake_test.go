package load

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a platform in this process whose faults a test chooses. Its players lose
// every bet.
type house struct {
	URL string
	// faulty changes the events of round n (from 1) before they are sent.
	faulty func(n int, h *house, rounds []socketio.Target, event map[string]any)
	refuse func(n int) int // status of attempt n; 0 lets it through
	short  int64           // taken from the balance in answers to bets

	rooms *socketio.Server

	mu       sync.Mutex
	players  map[string]int64  // balances
	nonces   map[string]uint64 // by player
	answers  map[string][]byte // by key
	attempts int
	rounds   int
}

func open(t *testing.T, h *house) *house {
	t.Helper()
	h.players, h.nonces, h.answers = map[string]int64{}, map[string]uint64{}, map[string][]byte{}
	h.rooms = socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	h.rooms.Of("/").OnConnect(func(s *socketio.Socket) {
		var auth struct{ Token string }
		if err := json.Unmarshal(s.Auth(), &auth); err != nil {
			t.Error(err)
		}
		s.Join("player:" + auth.Token)
		s.On("join", func(args socketio.Args, ack socketio.Ack) {
			var room string
			if err := args.Decode(&room); err != nil {
				t.Error(err)
			}
			s.Join(room)
			ack(map[string]any{"ok": strings.HasPrefix(room, "table:")})
		})
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", h.rooms)
	mux.HandleFunc("POST /v1/guests", h.guest)
	mux.HandleFunc("POST /v1/bets", h.bet)
	mux.HandleFunc("GET /v1/me", h.me)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE x\nprocess_cpu_seconds_total %g\n", float64(time.Now().UnixMilli())/1000)
	})
	server := httptest.NewServer(mux)
	h.URL = server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.rooms.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return h
}

func (h *house) guest(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := fmt.Sprintf("p%d", len(h.players))
	h.players[id] = 100_000
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"player":{"id":%q},"token":%q,"balance":100000}`, id, id)
}

func (h *house) me(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(w, `{"balance":%d}`, h.players[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")])
}

func (h *house) bet(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempts++
	if h.refuse != nil {
		if status := h.refuse(h.attempts); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"code":"unavailable"}`)
			return
		}
	}
	key := r.Header.Get("Idempotency-Key")
	if h.answers[key] == nil {
		var b bet
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		h.answers[key] = h.play(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), b)
	}
	w.WriteHeader(http.StatusCreated)
	w.Write(h.answers[key])
}

// play settles a round and tells the table and the player.
func (h *house) play(player string, b bet) []byte {
	h.rounds++
	h.players[player] -= b.Stake
	id := fmt.Sprintf("r%d", h.rounds)
	round := map[string]any{
		"id": id, "table": b.Table, "event_id": "e" + id, "nonce": h.nonces[player],
		"settled_at": time.Now(), "player": map[string]any{"id": player},
	}
	h.nonces[player]++
	balance := map[string]any{"balance": h.players[player], "round": id, "event_id": "b" + id}
	ns := h.rooms.Of("/")
	to := []socketio.Target{ns.To("table:" + b.Table), ns.To("player:" + player)}
	if h.faulty != nil {
		h.faulty(h.rounds, h, to, round)
	} else {
		_ = to[0].Emit("round", round) // without an adapter it cannot fail
	}
	_ = to[1].Emit("balance", balance)
	return fmt.Appendf(nil, `{"round":{"id":%q,"stake":%d,"payout":0,"balance":%d}}`, id, b.Stake, h.players[player]-h.short)
}
