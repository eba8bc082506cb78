package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/playtest"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/fair"
)

// roundEvent is what a table hears of a round.
type roundEvent struct {
	playtest.Round
	Game, Table string
	Player      struct{ ID, Name string }
	EventID     string `json:"event_id"`
	Traceparent string `json:"traceparent"`
}

type balanceEvent struct {
	Balance int64
	Asset   string
	Round   string
}

func TestTwoPlayersOnTwoContainersSeeOneBet(t *testing.T) {
	t.Parallel()
	for _, kind := range []stack.RedisKind{stack.RedisServer, stack.RedisEmbedded} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := playtest.Start(t, stack.Options{NoSync: true, Redis: kind})
			one, two := s.Service("realtime-1").URL, s.Service("realtime-2").URL
			ada, bob := playtest.SignUp(t, s.URL, "Ada"), playtest.SignUp(t, s.URL, "Bob")
			n := openSockets(t)
			n.connect("Ada 1", one, ada, nil)
			n.connect("Ada 2", two, ada, map[string]any{"transports": []string{"websocket"}})
			n.connect("Bob", two, bob, nil)
			n.ask("Ada 1", "join", "table:dice-1")
			n.ask("Bob", "join", "table:dice-1")
			playtest.Eventually(t, "both containers list both players", func() bool {
				for _, client := range []string{"Ada 1", "Bob"} {
					if got := n.ask(client, "join", "table:dice-1"); strings.Count(got, `"id"`) != 2 || strings.Contains(got, "partial") {
						return false
					}
				}
				return true
			})

			reply, err := ada.Bet("first", 500)
			if err != nil {
				t.Fatal(err)
			}
			answer := reply.Round(t)
			if answer.State != "settled" || answer.Balance != playtest.StartingBalance-500+answer.Payout || answer.Win() != (answer.Payout > 0) {
				t.Errorf("answer is %s", reply.Body)
			}

			var seen roundEvent
			n.hears("Bob", "round", &seen, answer.ID)
			if seen.Payout != answer.Payout || seen.Outcome != answer.Outcome || seen.Player.ID != ada.ID || seen.Player.Name != "Ada" || seen.Table != "dice-1" || seen.EventID == "" || seen.Traceparent == "" {
				t.Errorf("Bob saw %+v, Ada was told %+v", seen, answer)
			}
			for _, client := range []string{"Ada 1", "Ada 2"} {
				var b balanceEvent
				n.hears(client, "balance", &b)
				if b.Balance != answer.Balance || b.Round != answer.ID {
					t.Errorf("%s heard %+v, want balance %d", client, b, answer.Balance)
				}
			}
			n.ask("Bob", "join", "table:dice-1") // everything before the answer has arrived
			n.silent("Bob", "balance")

			n.ask("Bob", "chat", "table:dice-1", "well played")
			var message struct{ Text string }
			n.hears("Ada 1", "chat", &message)
			if message.Text != "well played" {
				t.Errorf("Ada read %q", message.Text)
			}

			playedOnce(t, s, ada, reply)
			verifies(t, ada, answer)
			playtest.Sent(t, s)
			playtest.Agrees(t, s, []string{"first"})
		})
	}
}

// playedOnce posts the bet again, and with another body.
func playedOnce(t *testing.T, s *stack.Stack, p *playtest.Player, first playtest.Reply) {
	t.Helper()
	before := playtest.Query[int64](t, s, `SELECT count(*) FROM ledger_transfers`)
	again, err := p.Bet("first", 500)
	if err != nil {
		t.Fatal(err)
	}
	if again.Status != first.Status || !bytes.Equal(again.Body, first.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same key again: %d %s, want %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	other, err := p.Bet("first", 501)
	if err != nil {
		t.Fatal(err)
	}
	if other.Status != http.StatusUnprocessableEntity || other.Code() != "key_reused" {
		t.Errorf("the same key with another body: %d %s, want 422 key_reused", other.Status, other.Body)
	}
	if after := playtest.Query[int64](t, s, `SELECT count(*) FROM ledger_transfers`); after != before {
		t.Errorf("%d transfers became %d", before, after)
	}
}

// verifies rotates the player's seeds and recomputes the round from what is revealed.
func verifies(t *testing.T, p *playtest.Player, round playtest.Round) {
	t.Helper()
	r, err := p.Call(http.MethodPost, "/v1/me/seeds", "", `{"client_seed":"another"}`)
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("rotate: %v %d %s", err, r.Status, r.Body)
	}
	r, err = p.Call(http.MethodGet, "/v1/rounds/"+round.ID, "", "")
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("look the round up: %v %d %s", err, r.Status, r.Body)
	}
	var found struct {
		Round struct {
			playtest.Round
			ServerSeed string `json:"server_seed"`
		}
	}
	if err := json.Unmarshal(r.Body, &found); err != nil {
		t.Fatal(err)
	}
	seed := found.Round.ServerSeed
	if fair.Hash(seed) != round.ServerHash {
		t.Fatalf("the revealed seed %q does not have the hash that was shown before: %s", seed, r.Body)
	}
	if roll := fair.NewStream(seed, round.ClientSeed, round.Nonce).Intn(10_001); int64(roll) != round.Outcome.Roll {
		t.Errorf("the seeds make %d, the bet was told %d", roll, round.Outcome.Roll)
	}
	if won := round.Outcome.Roll < 5000; won != round.Outcome.Win || (round.Payout == 500*19801/10000) != won {
		t.Errorf("a roll of %d under 5000 paid %d", round.Outcome.Roll, round.Payout)
	}
}

func TestTheFrontDoorServesDefaultClients(t *testing.T) {
	t.Parallel()
	s := playtest.Start(t, stack.Options{NoSync: true})
	ada := playtest.SignUp(t, s.URL, "Ada")
	n := openSockets(t)
	for _, transports := range [][]string{{"polling", "websocket"}, {"websocket"}, {"polling"}} {
		client := strings.Join(transports, " then ")
		n.connect(client, s.URL, ada, map[string]any{"transports": transports})
		if got := n.ask(client, "join", "table:dice-1"); !strings.Contains(got, `"ok":true`) {
			t.Errorf("%s: %s", client, got)
		}
	}
	for _, path := range []string{"/health", "/ready", "/live", "/", "/socket.io/socket.io.js", "/v1/leaderboard"} {
		if r, err := ada.Call(http.MethodGet, path, "", ""); err != nil || r.Status != http.StatusOK {
			t.Errorf("GET %s: %v %d", path, err, r.Status)
		}
	}
	if err := s.Service("events").Halt(); err != nil {
		t.Fatal(err)
	}
	playtest.Eventually(t, "the front door is not ready without a service", func() bool {
		r, err := ada.Call(http.MethodGet, "/ready", "", "")
		return err == nil && r.Status == http.StatusServiceUnavailable
	})
	if err := s.Service("events").Start(t.Context()); err != nil {
		t.Error(err)
	}
}
