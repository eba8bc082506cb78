package e2e

import (
	"encoding/json"
	"testing"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sockets are real clients, by name, in one Node process.
type sockets struct {
	*testclient.Script
	t *testing.T
}

func newSockets(t *testing.T) sockets {
	return sockets{testclient.Start(t, "client.mjs"), t}
}

// connect opens a socket of the player and waits until the namespace is joined.
func (s sockets) connect(name, url string, p *platform.Player) {
	s.t.Helper()
	s.Tell(testclient.Command{"do": "connect", "client": name, "url": url, "options": map[string]any{
		"auth": map[string]string{"token": p.Token}, "reconnection": false,
	}})
	line := s.Next(name+" connects", func(l testclient.Line) bool {
		return l.Client == name && (l.On == "connect" || l.On == "connect_error")
	})
	if line.On != "connect" {
		s.t.Fatalf("%s: %s", name, line.Message)
	}
}

// ask emits an event and reads the acknowledgement, which is one value.
func (s sockets) ask(name, event string, out any, args ...any) {
	s.t.Helper()
	answer, err := s.Ask(testclient.Command{"do": "emit", "client": name, "event": event, "args": args, "timeout": 5000})
	if err != nil {
		s.t.Fatalf("%s: %s: %v", name, event, err)
	}
	// The driver answers with the arguments; with a timeout those come after the error.
	var list []json.RawMessage
	if err := json.Unmarshal(answer, &list); err != nil || len(list) != 1 {
		s.t.Fatalf("%s: %s: answer %s", name, event, answer)
	}
	if err := json.Unmarshal(list[0], out); err != nil {
		s.t.Fatalf("%s: %s: answer %s: %v", name, event, answer, err)
	}
}

// event waits for an event with one argument and returns that.
func (s sockets) event(name, event string) json.RawMessage {
	s.t.Helper()
	line := s.Next(name+" hears "+event, func(l testclient.Line) bool { return l.Client == name && l.On == "event" && l.Event == event })
	var args []json.RawMessage // the event, and the offset for recovery
	if err := json.Unmarshal(line.Args, &args); err != nil || len(args) == 0 {
		s.t.Fatalf("%s: %s with %s", name, event, line.Args)
	}
	return args[0]
}

// none fails the test if the socket has heard the event.
func (s sockets) none(name, event string) {
	s.t.Helper()
	if l, heard := s.Take(func(l testclient.Line) bool { return l.Client == name && l.Event == event }); heard {
		s.t.Errorf("%s heard %s %s", name, event, l.Args)
	}
}

// into reads JSON.
func into(t *testing.T, raw json.RawMessage, out any) {
	t.Helper()
	if err := json.Unmarshal(raw, out); err != nil {
		t.Fatalf("read %s: %v", raw, err)
	}
}
