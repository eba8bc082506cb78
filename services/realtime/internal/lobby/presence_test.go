package lobby

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestARoomKnowsWhoComesAndGoes(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.sit("Ada")
	h.ask("Ada", "join", "table:dice-1")
	bob := h.sit("Bob")
	h.connect("Bob's tab", 1, bob, "Bob")
	h.ask("Bob", "join", "table:dice-1")

	h.ask("Bob's tab", "join", "table:dice-1")
	h.there("Bob's tab", "table:dice-1", 3, ada, bob)
	heard := func(part, name string) {
		t.Helper()
		h.Next("Ada hears that "+name+" "+part, func(l testclient.Line) bool {
			return l.Client == "Ada" && l.Event == "presence" && strings.Contains(string(l.Args), `"`+part+`":{`) && strings.Contains(string(l.Args), `"name":"`+name+`"`)
		})
	}
	heard("joined", "Bob")
	h.Tell(testclient.Command{"do": "disconnect", "client": "Bob"})
	h.On("Bob", "disconnect")
	h.ask("Bob's tab", "leave", "table:dice-1")
	heard("left", "Bob")
	h.there("Ada", "table:dice-1", 1, ada)
}

// there waits until a client is told that these players are in a room, by name.
func (h *house) there(client, room string, sockets int, players ...uuid.UUID) {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var got present
		h.answer(&got, client, "presence", room)
		same := len(got.Members) == len(players) && got.Players == len(players) && got.Sockets == sockets && !got.Partial
		for n := range players {
			same = same && got.Members[n].ID == players[n].String()
		}
		if same {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s is told of %+v, want %v on %d sockets", client, got, players, sockets)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func TestTenTabsOnTwoContainersAreOnePlayer(t *testing.T) {
	t.Parallel()
	h := open(t)
	bob := h.sit("Bob")
	h.ask("Bob", "join", "table:dice-1")
	ada := uuid.New()
	for n := range 10 {
		tab := fmt.Sprint("tab ", n)
		h.connect(tab, n%2, ada, "Ada")
		h.ask(tab, "join", "table:dice-1")
	}
	h.there("Bob", "table:dice-1", 11, ada, bob)
	h.there("tab 9", "table:dice-1", 11, ada, bob)
	deadline := time.Now().Add(20 * time.Second)
	for {
		var house present
		h.answer(&house, "Bob", "join", "lobby")
		if house.Players == 2 && house.Sockets == 11 && len(house.Members) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the lobby is %+v, want 2 players on 11 sockets", house)
		}
		<-time.After(50 * time.Millisecond)
	}
	for n := range 10 {
		h.Tell(testclient.Command{"do": "disconnect", "client": fmt.Sprint("tab ", n)})
	}
	h.there("Bob", "table:dice-1", 1, bob)
	came, went := 0, 0
	for {
		l, ok := h.Take(func(l testclient.Line) bool { return l.Client == "Bob" && l.Event == "presence" })
		if !ok {
			break
		}
		switch text := string(l.Args); {
		case strings.Contains(text, `"room":"lobby"`):
			t.Errorf("the lobby was told %s", text)
		case strings.Contains(text, ada.String()) && strings.Contains(text, `"joined"`):
			came++
		case strings.Contains(text, ada.String()):
			went++
		}
	}
	if came != 1 || went > 1 {
		t.Errorf("Ada came %d times and went %d times, want once", came, went)
	}
}

func TestASocketLosesAnExpiredToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("Ada", 0, uuid.New(), "Ada")
	h.lobby.cutExpired(time.Now().Add(59 * time.Minute))
	h.ask("Ada", "join", "table:dice-1") // still there
	h.lobby.cutExpired(time.Now().Add(61 * time.Minute))
	if l := h.hears("Ada", "error"); !strings.Contains(string(l.Args), `"code":"token_expired"`) {
		t.Errorf("told %s, want token_expired", l.Args)
	}
	if l := h.On("Ada", "disconnect"); l.Reason != "io server disconnect" {
		t.Errorf("disconnected by %q; a client must not come back with the old token by itself", l.Reason)
	}
}
