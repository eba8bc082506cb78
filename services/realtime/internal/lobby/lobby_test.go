package lobby

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

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
		h.dial(test.name, test.auth)
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
	for _, room := range []string{"player:" + other.String(), "table:", "table:Dice", "table:a b", "lobby", "", "table:" + strings.Repeat("x", 33)} {
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
	for n := range maxRooms {
		h.ask("Ada", "join", "table:t-"+string(rune('a'+n)))
	}
	if got := h.ask("Ada", "join", "table:one-more"); !strings.Contains(got, `"code":"forbidden"`) {
		t.Errorf("room %d: %s, want forbidden", maxRooms+1, got)
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
		{"chat", []any{"table:other", "hello"}, "forbidden"},
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

func TestChatReachesTheRoomAndItsSenderUnchanged(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.sit("Ada")
	h.sit("Bob")
	h.ask("Ada", "join", "table:dice-1")
	h.ask("Bob", "join", "table:dice-1")
	const text = `<img src=x onerror=alert(1)> & "quotes" 🎲`
	h.ask("Ada", "chat", "table:dice-1", "  "+text+"\n")
	for _, client := range []string{"Ada", "Bob"} {
		var args []message
		if err := json.Unmarshal(h.hears(client, "chat").Args, &args); err != nil || len(args) != 1 {
			t.Fatalf("%s: %v", client, err)
		}
		got := args[0]
		if got.Text != text || got.From.ID != ada.String() || got.From.Name != "Ada" || got.Room != "table:dice-1" || time.Since(got.At) > time.Minute {
			t.Errorf("%s heard %+v", client, got)
		}
	}
}

func TestAFloodOfChatIsRefusedForItsPlayerAlone(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.sit("Ada")
	h.connect("Ada's tab", ada, "Ada")
	h.sit("Bob")
	for _, client := range []string{"Ada", "Ada's tab", "Bob"} {
		h.ask(client, "join", "table:dice-1")
	}
	refused := 0
	for n := range 3 * chatBurst {
		client := []string{"Ada", "Ada's tab"}[n%2]
		if strings.Contains(h.ask(client, "chat", "table:dice-1", "buy now"), `"code":"too_many_requests"`) {
			refused++
		}
	}
	if refused == 0 {
		t.Errorf("%d messages at once were all taken", 3*chatBurst)
	}
	if got := h.ask("Bob", "chat", "table:dice-1", "hello"); !strings.Contains(got, `"ok":true`) {
		t.Errorf("another player: %s, want ok", got)
	}
}
