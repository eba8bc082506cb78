package lobby

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/internal/chat"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// chats waits for the next chat event at a client.
func (h *house) chats(client string) chat.Message {
	h.t.Helper()
	var m chat.Message
	args := []any{&m} // and the offset for recovery
	if err := json.Unmarshal(h.hears(client, "chat").Args, &args); err != nil {
		h.t.Fatalf("%s heard a chat event that cannot be read: %v", client, err)
	}
	return m
}

func TestChatReachesTheRoomAndItsSenderUnchanged(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.sit("Ada")
	bob := h.sit("Bob")
	h.connect("Bob elsewhere", 1, bob, "Bob")
	h.sit("Cid")
	for _, room := range []string{"table:dice-1", "lobby"} {
		for _, client := range []string{"Ada", "Bob", "Bob elsewhere"} {
			h.ask(client, "join", room)
		}
		const text = "<img src=x onerror=alert(1)> & \"quotes\"\n\t🎲 \u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469"
		var posted taken
		h.answer(&posted, "Ada", "chat", room, "  "+text+"\n")
		if posted.ID == "" || !posted.Stored || posted.Again {
			t.Errorf("acknowledged as %+v, want stored under an id", posted)
		}
		for _, client := range []string{"Ada", "Bob", "Bob elsewhere"} {
			got := h.chats(client)
			if got.Text != text || got.From.ID != ada.String() || got.From.Name != "Ada" || got.Room != room || got.ID != posted.ID || !got.At.Equal(posted.At) || time.Since(got.At) > time.Minute {
				t.Errorf("%s heard %+v", client, got)
			}
		}
	}
	if got := h.chats("Cid"); got.Room != "lobby" {
		t.Errorf("Cid, who is at no table, heard %+v", got)
	}
}

func TestWhoComesReadsTheLastFifty(t *testing.T) {
	t.Parallel()
	h := open(t)
	for n := range 6 { // a player may say ten at once
		name := fmt.Sprint("P", n)
		h.sit(name)
		h.ask(name, "join", "table:dice-1")
		for m := range 9 {
			h.ask(name, "chat", "table:dice-1", fmt.Sprintf("%s says %d", name, m))
		}
	}
	h.connect("late", 1, vip, "Late")
	var got joined
	h.answer(&got, "late", "join", "table:dice-1")
	if len(got.History) != 50 || got.History[0].Text != "P0 says 4" || got.History[49].Text != "P5 says 8" || got.History[0].From.Name != "P0" {
		t.Errorf("a history of %d: %+v; want the last 50, oldest first", len(got.History), got.History)
	}
	seen := map[string]bool{}
	for _, m := range got.History {
		seen[m.ID] = true
	}
	if len(seen) != len(got.History) {
		t.Errorf("%d ids of %d messages", len(seen), len(got.History))
	}
	var other joined
	h.answer(&other, "late", "join", "table:dice-2")
	if len(other.History) != 0 || other.History == nil {
		t.Errorf("the history of a quiet table is %v, want []", other.History)
	}
}

// A client that heard no acknowledgement sends again, perhaps to another container.
func TestARetryIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.sit("Ada"), h.sit("Bob")
	h.connect("Ada elsewhere", 1, ada, "Ada")
	for _, client := range []string{"Ada", "Ada elsewhere", "Bob"} {
		h.ask(client, "join", "table:dice-1")
	}
	var first taken
	h.answer(&first, "Ada", "chat", "table:dice-1", "hello", "key-1")
	for _, client := range []string{"Ada", "Ada elsewhere"} {
		var again taken
		h.answer(&again, client, "chat", "table:dice-1", "hello", "key-1")
		if !again.Again || again.ID != first.ID || !again.At.Equal(first.At) || !again.Stored {
			t.Errorf("a retry at %s: %+v, want %+v again", client, again, first)
		}
	}
	var other taken
	h.answer(&other, "Bob", "chat", "table:dice-1", "hello", "key-1")
	if other.Again || other.ID == first.ID {
		t.Errorf("another player's message of the same key: %+v", other)
	}
	for _, from := range []string{ada.String(), bob.String()} { // a second one of Ada would come between
		if got := h.chats("Bob"); got.From.ID != from {
			t.Errorf("heard %+v, want a message of %s", got, from)
		}
	}
}

func TestAFloodOfChatIsRefusedForItsPlayerAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.sit("Ada")
	h.connect("Ada's tab", 1, ada, "Ada")
	h.sit("Bob")
	clients := []string{"Ada", "Ada's tab"}
	taken := 0
	began := time.Now()
	const flood = 40
	for n := range flood {
		got := h.ask(clients[n%2], "chat", "lobby", "buy now")
		switch {
		case strings.Contains(got, `"ok":true`):
			taken++
		case !strings.Contains(got, `"code":"too_many_requests"`):
			t.Fatalf("message %d: %s", n, got)
		}
	}
	// Half of them at each container: each alone would have taken ten.
	if most := 10 + int(time.Since(began)/(500*time.Millisecond)) + 1; taken < 10 || taken > most {
		t.Errorf("%d of %d at once were taken over two containers, want 10 to %d", taken, flood, most)
	}
	refused := 0
	for _, l := range h.lobbies {
		_, _, chats := l.Limited()
		refused += int(chats)
	}
	if refused != flood-taken {
		t.Errorf("%d refusals are counted; want %d", refused, flood-taken)
	}
	if got := h.ask("Bob", "chat", "lobby", "hello"); !strings.Contains(got, `"ok":true`) {
		t.Errorf("another player: %s, want ok", got)
	}
}

// Players of one container go on talking while Redis is away, and are told.
func TestChatGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sit("Ada")
	h.sit("Bob")
	for _, client := range []string{"Ada", "Bob"} {
		h.ask(client, "join", "table:dice-1")
	}
	h.server.Kill()
	var posted, again taken
	h.answer(&posted, "Ada", "chat", "table:dice-1", "anybody there?", "k1")
	if posted.Stored || posted.ID == "" {
		t.Errorf("without Redis: %+v, want not stored", posted)
	}
	h.answer(&again, "Ada", "chat", "table:dice-1", "anybody there?", "k1")
	if !again.Again || again.ID != posted.ID {
		t.Errorf("a retry without Redis: %+v, want %s again", again, posted.ID)
	}
	if got := h.chats("Bob"); got.ID != posted.ID {
		t.Errorf("Bob heard %+v, want %+v", got, posted)
	}
	h.sit("Cid")
	var late joined
	h.answer(&late, "Cid", "join", "table:dice-1")
	if !late.Partial || len(late.History) != 1 || late.History[0].ID != posted.ID || late.Players != 3 {
		t.Errorf("who comes reads %+v, want what this container knows", late)
	}
	h.server.Start()
	deadline := time.Now().Add(20 * time.Second)
	for n := 0; !posted.Stored; n++ {
		if time.Now().After(deadline) {
			t.Fatal("messages are not stored after Redis came back")
		}
		<-time.After(550 * time.Millisecond) // two a second
		h.answer(&posted, "Bob", "chat", "table:dice-1", fmt.Sprint("again ", n))
	}
	h.Tell(testclient.Command{"do": "disconnect", "client": "Cid"})
}
