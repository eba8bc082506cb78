package lobby

import (
	"encoding/json"
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
	h.connect("Bob's tab", bob, "Bob")
	h.ask("Bob", "join", "table:dice-1")

	var answers []joined
	if err := json.Unmarshal([]byte(h.ask("Bob's tab", "join", "table:dice-1")), &answers); err != nil {
		t.Fatal(err)
	}
	if got := answers[0]; !got.OK || got.Partial || len(got.Members) != 2 || got.Members[0].ID != ada.String() || got.Members[1].ID != bob.String() {
		t.Errorf("two tabs of Bob and Ada are %+v, want two members", got)
	}
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
	if got := h.ask("Ada", "join", "table:dice-1"); strings.Contains(got, bob.String()) {
		t.Errorf("Bob left with both tabs and is still listed: %s", got)
	}
}

func TestASocketLosesAnExpiredToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.connect("Ada", uuid.New(), "Ada")
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
