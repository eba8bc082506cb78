package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/fair"
)

// dice is the number of results of a roll: 0.00 to 100.00.
const dice = 10_001

// Each kind of Redis that `make run` may find, and the other wire.
var kinds = map[string]stack.Options{
	"redis-server":         {Redis: stack.RedisServer},
	"redis-server, shards": {Redis: stack.RedisServer, Adapter: broadcast.Dynamic},
	"miniredis":            {Redis: stack.RedisEmbedded},
}

type roundEvent struct {
	platform.Round
	Player struct{ ID, Name string }
}

type balanceEvent struct {
	Balance int64
	Asset   string
	Round   string
}

func TestTwoPlayersOnTwoContainersSeeOneBet(t *testing.T) {
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := platform.Start(t, kind)
			ada, bob := platform.Guest(t, p.URL, "Ada"), platform.Guest(t, p.URL, "Bob")
			s := newSockets(t)
			one, two := p.Service("realtime-1").URL, p.Service("realtime-2").URL
			s.connect("ada 1", one, ada)
			s.connect("ada 2", two, ada)
			s.connect("bob", two, bob)
			s.connect("ada at the door", p.URL, ada)
			sitDown(t, s, ada, bob, "ada 1", "ada 2", "bob")

			round, first := ada.MustBet(t, "first", 100)
			checkAnswer(t, round, ada.Start)
			for _, name := range []string{"ada 1", "ada 2", "bob"} {
				var got roundEvent
				into(t, s.event(name, "round"), &got)
				want := round
				want.Balance = 0 // everybody's business but that
				if got.Round != want || got.Player.ID != ada.ID || got.Player.Name != "Ada" {
					t.Errorf("%s heard of %+v, want %+v", name, got, want)
				}
			}
			for _, name := range []string{"ada 1", "ada 2", "ada at the door"} {
				var got balanceEvent
				into(t, s.event(name, "balance"), &got)
				if want := (balanceEvent{round.Balance, "PLAY", round.ID}); got != want {
					t.Errorf("%s has %+v, want %+v", name, got, want)
				}
			}
			replay(t, ada, round, first)
			chat(t, s, "ada 1", "bob", ada)
			// What bob was not to hear would have come before the chat message.
			s.none("bob", "balance")
			s.none("ada at the door", "round") // it has joined no table
			s.none("bob", "round")             // a replay is no round

			verify(t, ada, round)
			sound(t, p, []oracle.Bet{{Player: ada.ID, Key: "first", Round: round.ID}})
		})
	}
}

// sitDown joins the table with each socket, ada's first, and looks at who is there.
func sitDown(t *testing.T, s sockets, ada, bob *platform.Player, names ...string) {
	t.Helper()
	var joined struct {
		OK      bool
		Room    string
		Members []struct{ ID, Name string }
		Code    string
	}
	for _, name := range names {
		s.ask(name, "join", &joined, platform.Room)
		if !joined.OK || joined.Room != platform.Room {
			t.Fatalf("%s: join: %+v", name, joined)
		}
	}
	var came struct {
		Joined  struct{ ID string }
		Members int
	}
	for came.Joined.ID != bob.ID {
		into(t, s.event("ada 1", "presence"), &came)
	}
	if came.Members != 2 {
		t.Errorf("%d players when bob came; ada has two sockets and is one player", came.Members)
	}
	platform.Await(t, "both players in the list of either container", func() bool {
		s.ask("bob", "join", &joined, platform.Room)
		there := len(joined.Members) == 2 && joined.Members[0].ID == ada.ID && joined.Members[1].ID == bob.ID
		s.ask("ada 1", "join", &joined, platform.Room)
		return there && len(joined.Members) == 2
	})
	var refused struct {
		OK   bool
		Code string
	}
	s.ask("bob", "join", &refused, "player:"+ada.ID)
	if refused.OK || refused.Code != "forbidden" {
		t.Errorf("bob in ada's own room: %+v", refused)
	}
}

// checkAnswer looks whether the answer to a bet has everything, and adds up.
func checkAnswer(t *testing.T, r platform.Round, start int64) {
	t.Helper()
	if r.ID == "" || r.Game != "dice" || r.Table != platform.Table || r.State != "settled" || r.Rules == "" || r.ClientSeed == "" || len(r.ServerSeedHash) != 64 {
		t.Errorf("an answer with holes: %+v", r)
	}
	if r.Stake != 100 || r.Balance != start-r.Stake+r.Payout || (r.Payout > 0) != r.Outcome.Win || r.Outcome.Win != (r.Outcome.Roll < 5000) {
		t.Errorf("an answer that does not add up, from %d: %+v", start, r)
	}
}

// replay sends the bet again: the same answer, and nothing changes.
func replay(t *testing.T, ada *platform.Player, round platform.Round, first platform.Answer) {
	t.Helper()
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer calls itself a replay")
	}
	_, again := ada.MustBet(t, "first", 100)
	if !bytes.Equal(again.Body, first.Body) || again.Status != first.Status || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s replayed=%q, want %d %s", again.Status, again.Body, again.Header.Get("Idempotent-Replayed"), first.Status, first.Body)
	}
	if got := ada.Balance(t); got != round.Balance {
		t.Errorf("balance %d after the replay, want %d", got, round.Balance)
	}
}

// chat sends a message from one container to the other, and to its sender.
func chat(t *testing.T, s sockets, from, to string, sender *platform.Player) {
	t.Helper()
	const text = "<b>good</b> luck & \"☺\""
	var taken struct{ OK bool }
	s.ask(from, "chat", &taken, platform.Room, text)
	if !taken.OK {
		t.Fatalf("chat: %+v", taken)
	}
	for _, name := range []string{from, to} {
		var heard struct {
			Room, Text string
			From       struct{ ID, Name string }
		}
		into(t, s.event(name, "chat"), &heard)
		if heard.Room != platform.Room || heard.Text != text || heard.From.ID != sender.ID || heard.From.Name != sender.Name {
			t.Errorf("%s heard %+v", name, heard)
		}
	}
}

// verify rotates the seeds and recomputes the round twice: with our code, and with
// Node's crypto alone.
func verify(t *testing.T, ada *platform.Player, round platform.Round) {
	t.Helper()
	answer, err := ada.Do(t.Context(), http.MethodPost, "/v1/me/seeds", "", map[string]string{"client_seed": "my-own-seed"})
	if err != nil || answer.Status/100 != 2 {
		t.Fatalf("rotate: %d %s, %v", answer.Status, answer.Body, err)
	}
	var rotated struct {
		Revealed struct {
			ServerSeed string `json:"server_seed"`
		}
	}
	answer.Into(t, &rotated)
	seed := rotated.Revealed.ServerSeed
	if fair.Hash(seed) != round.ServerSeedHash {
		t.Errorf("the revealed seed does not have the hash %s", round.ServerSeedHash)
	}
	if got := fair.NewStream(seed, round.ClientSeed, round.Nonce).Intn(dice); int64(got) != round.Outcome.Roll {
		t.Errorf("recomputed: %d, the table said %d", got, round.Outcome.Roll)
	}
	bets, err := json.Marshal([]any{map[string]any{"server_seed": seed, "client_seed": round.ClientSeed, "nonce": round.Nonce}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", "verify.mjs", string(bets)).Output()
	if err != nil {
		t.Fatalf("verify.mjs: %v", err)
	}
	var node []struct {
		Hash string
		Roll int64
	}
	into(t, out, &node)
	if len(node) != 1 || node[0].Hash != round.ServerSeedHash || node[0].Roll != round.Outcome.Roll {
		t.Errorf("Node says %+v, the table said %s and %d", node, round.ServerSeedHash, round.Outcome.Roll)
	}
}

// sound waits until everything has gone out and asks the oracle; the front door must
// say the same.
func sound(t *testing.T, p *platform.Platform, told []oracle.Bet) {
	t.Helper()
	var report oracle.Report
	platform.Await(t, "the outbox is empty and the facts are handled", func() bool {
		var err error
		if report, err = oracle.Look(t.Context(), p.DirectURL(), told); err != nil {
			t.Fatal(err)
		}
		return report.Settled()
	})
	for _, fault := range report.Faults() {
		t.Error(fault)
	}
	for path, want := range map[string]string{"/health": `"status":"healthy"`, "/ready": `"ready":true`, "/live": `"live":true`} {
		if answer := platform.Get(t, p.URL+path); answer.Status != http.StatusOK || !bytes.Contains(answer.Body, []byte(want)) {
			t.Errorf("%s: %d %s", path, answer.Status, answer.Body)
		}
	}
}
