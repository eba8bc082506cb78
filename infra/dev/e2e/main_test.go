package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/playtest"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestMain(m *testing.M) { playtest.Main(m) }

// sockets are real socket.io clients in one Node process.
type sockets struct {
	*testclient.Script
	t *testing.T
}

func openSockets(t *testing.T) sockets {
	t.Helper()
	return sockets{testclient.Start(t, "client.mjs"), t}
}

// connect opens a socket with a player's token. options are those of the npm client.
func (s sockets) connect(client, url string, p *playtest.Player, options map[string]any) {
	s.t.Helper()
	all := map[string]any{"auth": map[string]any{"token": p.Token}, "transports": []string{"polling", "websocket"}}
	for name, value := range options {
		all[name] = value
	}
	s.Tell(testclient.Command{"do": "connect", "client": client, "url": url, "options": all})
	s.On(client, "connect")
}

// ask emits an event and returns the one argument of its acknowledgement.
func (s sockets) ask(client, event string, args ...any) string {
	s.t.Helper()
	answer, err := s.Ask(testclient.Command{"do": "emit", "client": client, "event": event, "args": append([]any{}, args...), "timeout": 10_000})
	if err != nil {
		s.t.Fatalf("%s %s: %v", client, event, err)
	}
	return string(answer)
}

// hears waits for an event at a client whose first argument has all the given texts,
// and decodes that argument.
func (s sockets) hears(client, event string, into any, texts ...string) {
	s.t.Helper()
	l := s.Next(client+" hears "+event, func(l testclient.Line) bool {
		if l.Client != client || l.On != "event" || l.Event != event {
			return false
		}
		for _, text := range texts {
			if !strings.Contains(string(l.Args), text) {
				return false
			}
		}
		return true
	})
	var args []json.RawMessage
	if err := json.Unmarshal(l.Args, &args); err != nil || len(args) != 1 {
		s.t.Fatalf("%s heard %s %s, want one argument", client, event, l.Args)
	}
	if err := json.Unmarshal(args[0], into); err != nil {
		s.t.Fatalf("%s heard %s %s: %v", client, event, l.Args, err)
	}
}

// silent reports an event that a client was not to hear, if it has come.
func (s sockets) silent(client, event string) {
	s.t.Helper()
	if l, ok := s.Take(func(l testclient.Line) bool { return l.Client == client && l.On == "event" && l.Event == event }); ok {
		s.t.Errorf("%s heard %s %s", client, event, l.Args)
	}
}
