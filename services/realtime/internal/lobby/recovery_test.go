package lobby

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// door leads clients to one container or the other.
func (h *house) door() (address string, leadTo func(container int)) {
	h.t.Helper()
	var to atomic.Int32
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		target, err := url.Parse(h.urls[to.Load()])
		if err == nil { // they are those of test servers
			r.SetURL(target)
		}
	}}
	server := httptest.NewServer(http.Handler(proxy))
	h.t.Cleanup(server.Close)
	return server.URL, func(container int) { to.Store(int32(container)) }
}

// recovered asks a client whether its connection is a recovered one.
func (h *house) recovered(client string) bool {
	h.t.Helper()
	text, err := h.Ask(testclient.Command{"do": "state", "client": client})
	if err != nil {
		h.t.Fatal(err)
	}
	var state struct{ Recovered bool }
	if err := json.Unmarshal(text, &state); err != nil {
		h.t.Fatal(err)
	}
	return state.Recovered
}

func TestAPlayerGoesOnAtAnotherContainer(t *testing.T) {
	t.Parallel()
	h := open(t)
	address, leadTo := h.door()
	ada := vip
	token, _, err := h.signer.Sign(ada, "Ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	h.Tell(testclient.Command{"do": "connect", "client": "Ada", "url": address, "options": map[string]any{
		"auth": map[string]any{"token": token}, "reconnectionDelay": 500, "reconnectionDelayMax": 500, "randomizationFactor": 0,
	}})
	h.On("Ada", "connect")
	bob := h.sit("Bob")
	for _, room := range []string{"table:dice-1", "table:private-1"} {
		h.ask("Ada", "join", room)
	}
	h.ask("Bob", "join", "table:dice-1")
	h.ask("Bob", "chat", "table:dice-1", "before")
	if got := h.chats("Ada"); got.Text != "before" {
		t.Fatalf("Ada heard %+v", got)
	}

	h.rights[1].player = uuid.New() // what was Ada's right is not any more, at the other container
	leadTo(1)
	h.Tell(testclient.Command{"do": "cut", "client": "Ada"})
	h.On("Ada", "disconnect")
	h.ask("Bob", "chat", "table:dice-1", "meanwhile")
	h.On("Ada", "connect")
	if !h.recovered("Ada") {
		t.Fatal("Ada is not recovered")
	}
	h.ask("Bob", "chat", "lobby", "after")
	for _, want := range []string{"meanwhile", "after"} {
		if got := h.chats("Ada"); got.Text != want {
			t.Errorf("Ada heard %+v, want %q once", got, want)
		}
	}
	h.there("Bob", "table:dice-1", 2, ada, bob)
	// She says it without joining again: she is at the table.
	if got := h.ask("Ada", "chat", "table:dice-1", "back"); !strings.Contains(got, `"ok":true`) {
		t.Errorf("Ada chats: %s, want ok", got)
	}
	if got := h.ask("Ada", "chat", "table:private-1", "back"); !strings.Contains(got, `"code":"forbidden"`) {
		t.Errorf("Ada chats where she has lost the right to be: %s, want forbidden", got)
	}
	if left := h.lobbies[1].ns.Sockets("table:private-1"); len(left) != 0 {
		t.Errorf("%d sockets are in a room that they have lost the right to", len(left))
	}
	h.Tell(testclient.Command{"do": "disconnect", "client": "Ada"})
	h.there("Bob", "table:dice-1", 1, bob)
}

// raw connects with a token and what a client keeps for its recovery, and returns what
// the server answers to that.
func (h *house) raw(player uuid.UUID, pid, offset string) (conn *websocket.Conn, sid, newPID string) {
	h.t.Helper()
	token, _, err := h.signer.Sign(player, "Raw", time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	auth := map[string]string{"token": token}
	if pid != "" {
		auth["pid"], auth["offset"] = pid, offset
	}
	text, err := json.Marshal(auth)
	if err != nil {
		h.t.Fatal(err)
	}
	conn, answer, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.urls[0], "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = answer.Body.Close()
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, append([]byte("40"), text...)); err != nil {
		h.t.Fatal(err)
	}
	var ids struct{ SID, PID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(h.receive(conn, "40"), "40")), &ids); err != nil {
		h.t.Fatal(err)
	}
	return conn, ids.SID, ids.PID
}

// receive waits for a message that begins with prefix.
func (h *house) receive(conn *websocket.Conn, prefix string) string {
	h.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			h.t.Fatalf("receive %s: %v", prefix, err)
		}
		if strings.HasPrefix(string(text), prefix) {
			return string(text)
		}
	}
}

func TestNobodyGoesOnWhereAnotherPlayerStopped(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sit("Bob")
	ada := uuid.New()
	conn, sid, pid := h.raw(ada, "", "")
	h.ask("Bob", "chat", "lobby", "hello")
	var args []any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(h.receive(conn, `42["chat"`), "42")), &args); err != nil || len(args) != 3 {
		t.Fatalf("the event is %v, %v; want an offset after it", args, err)
	}
	offset, _ := args[2].(string)
	_ = conn.Close()

	if _, gotSID, gotPID := h.raw(uuid.New(), pid, offset); gotSID == sid || gotPID == pid {
		t.Error("another player goes on with Ada's session")
	}
	if _, gotSID, gotPID := h.raw(ada, pid, offset); gotSID != sid || gotPID != pid {
		t.Error("Ada herself does not")
	}
}
