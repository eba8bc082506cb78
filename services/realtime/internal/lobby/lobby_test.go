package lobby

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestOnlyAGoodTokenEnters(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, test := range []struct {
		name string
		auth any
		code string
	}{
		{"nothing", map[string]any{}, "token_missing"},
		{"number", map[string]any{"token": 7}, "token_missing"},
		{"guess", map[string]any{"token": "guess"}, "token_invalid"},
		{"expired", map[string]any{"token": expiredToken}, "token_expired"},
	} {
		h.dial(test.name, 0, test.auth)
		l := h.On(test.name, "connect_error")
		if l.Message != test.code || !strings.Contains(string(l.Data), `"code":"`+test.code+`"`) {
			t.Errorf("%s: refused with %q %s, want %s", test.name, l.Message, l.Data, test.code)
		}
	}
}

func TestRoomsThatAreNotTablesAreForbidden(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.sit("Bob")
	h.sit("Ada")
	for _, room := range []string{"player:" + other.String(), "table:", "table:Dice", "table:a b", "table:private-1", "Lobby", "", "table:" + strings.Repeat("x", 33)} {
		for _, event := range []string{"join", "leave"} {
			if got := h.ask("Ada", event, room); !strings.Contains(got, `"ok":false,"code":"forbidden"`) {
				t.Errorf("%s %q: %s, want forbidden", event, room, got)
			}
		}
	}
	if err := h.lobby.ns.To("player:"+other.String()).Emit("balance", 1); err != nil {
		t.Fatal(err)
	}
	h.hears("Bob", "balance") // the server has put him there
	for n := range maxTables {
		h.ask("Ada", "join", "table:t-"+string(rune('a'+n)))
	}
	if got := h.ask("Ada", "join", "table:one-more"); !strings.Contains(got, `"code":"forbidden"`) {
		t.Errorf("room %d: %s, want forbidden", maxTables+1, got)
	}
	if got := h.ask("Ada", "presence", "table:one-more"); !strings.Contains(got, `"players":0`) {
		t.Errorf("who is at a table that may be entered: %s, want nobody", got)
	}
	if got := h.ask("Ada", "leave", "lobby"); !strings.Contains(got, `"code":"forbidden"`) {
		t.Errorf("leave the lobby: %s, want forbidden", got)
	}
	if got := h.ask("Ada", "join", "table:t-a"); !strings.Contains(got, `"ok":true`) {
		t.Errorf("joining again: %s, want ok", got)
	}
}

func TestArgumentsOfTheWrongFormGetACode(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sit("Ada")
	h.ask("Ada", "join", "table:dice-1")
	for _, test := range []struct {
		event string
		args  []any
		code  string
	}{
		{"join", nil, "missing_field"},
		{"join", []any{"table:dice-1", "more"}, "missing_field"},
		{"join", []any{7}, "wrong_type"},
		{"join", []any{nil}, "wrong_type"},
		{"join", []any{map[string]any{"room": "table:dice-1"}}, "wrong_type"},
		{"join", []any{map[string]any{"$bin": []byte("x")}}, "wrong_type"},
		{"chat", []any{"table:dice-1"}, "missing_field"},
		{"chat", []any{"table:dice-1", 7}, "wrong_type"},
		{"chat", []any{"table:dice-1", "a\x00b"}, "bad_text"},
		{"chat", []any{"table:dice-1", ""}, "params_invalid"},
		{"chat", []any{"table:dice-1", " \n "}, "params_invalid"},
		{"chat", []any{"table:dice-1", strings.Repeat("é", maxText+1)}, "params_invalid"},
		{"chat", []any{"table:dice-1", "\u200b\u200d\ufeff"}, "params_invalid"},
		{"chat", []any{"table:dice-1", "\u3164"}, "params_invalid"},
		{"chat", []any{"table:dice-1", "a\x1b[31mb"}, "bad_text"},
		{"chat", []any{"table:dice-1", "a\r\nb"}, "bad_text"},
		{"chat", []any{"table:dice-1", "abc\u202edcba"}, "bad_text"},
		{"chat", []any{"table:dice-1", "a\u2028b"}, "bad_text"},
		{"chat", []any{"table:dice-1", "hello", ""}, "params_invalid"},
		{"chat", []any{"table:dice-1", "hello", "a key"}, "params_invalid"},
		{"chat", []any{"table:dice-1", "hello", 7}, "wrong_type"},
		{"chat", []any{"table:dice-1", "hello", "k", "more"}, "missing_field"},
		{"chat", []any{"table:other", "hello"}, "forbidden"},
		{"chat", []any{"table:private-1", "hello"}, "forbidden"},
		{"presence", nil, "missing_field"},
		{"presence", []any{"nowhere"}, "forbidden"},
	} {
		if got := h.ask("Ada", test.event, test.args...); !strings.Contains(got, `"ok":false,"code":"`+test.code+`"`) {
			t.Errorf("%s %v: %s, want %s", test.event, test.args, got, test.code)
		}
	}
	h.Tell(testclient.Command{"do": "emit", "client": "Ada", "event": "join", "args": []any{7}})
	if l := h.hears("Ada", "error"); !strings.Contains(string(l.Args), `"code":"wrong_type"`) {
		t.Errorf("without an acknowledgement: %s, want wrong_type", l.Args)
	}
	if got := h.ask("Ada", "chat", "table:dice-1", "still here"); !strings.Contains(got, `"ok":true`) {
		t.Errorf("after bad events: %s, want ok", got)
	}
}

func TestAPrivateTableIsForThoseWhoHaveTheRight(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("vip", 0, vip, "Vip")
	h.sit("Ada")
	var got joined
	h.answer(&got, "vip", "join", "table:private-1")
	if got.Players != 1 {
		t.Errorf("the player with the right sees %+v", got)
	}
	for _, event := range []string{"join", "presence"} {
		if text := h.ask("Ada", event, "table:private-1"); !strings.Contains(text, `"code":"forbidden"`) {
			t.Errorf("%s without the right: %s, want forbidden", event, text)
		}
	}
	if text := h.ask("Ada", "join", "table:dice-1"); !strings.Contains(text, `"ok":true`) {
		t.Errorf("after a forbidden join: %s, want ok", text)
	}
}

func TestAPlayerHasSoManyConnectionsAndNoMore(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := uuid.New()
	for n := range maxTabs {
		h.connect(fmt.Sprint("tab ", n), 0, id, "Ada")
	}
	token, _, err := h.signer.Sign(id, "Ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	h.dial("one more", 0, map[string]any{"token": token})
	if l := h.On("one more", "connect_error"); l.Message != "too_many_requests" {
		t.Errorf("refused with %q, want too_many_requests", l.Message)
	}
	if sockets, events, chats := h.lobby.Limited(); sockets != 1 || events+chats != 0 {
		t.Errorf("counted %d, %d and %d refusals; want one of a socket", sockets, events, chats)
	}
	h.sit("Bob") // others are not concerned
}

func TestAFloodOfEventsIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sit("Ada")
	for range 3 * eventBurst {
		h.Tell(testclient.Command{"do": "emit", "client": "Ada", "event": "presence", "args": []any{"lobby"}})
	}
	if l := h.hears("Ada", "error"); !strings.Contains(string(l.Args), `"code":"too_many_requests"`) {
		t.Errorf("%d events at once: %s, want too_many_requests", 3*eventBurst, l.Args)
	}
	if sockets, events, chats := h.lobby.Limited(); events == 0 || sockets+chats != 0 {
		t.Errorf("counted %d, %d and %d refusals; want those of events", sockets, events, chats)
	}
}
