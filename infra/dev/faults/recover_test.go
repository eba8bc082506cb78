package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// Fault 17: a realtime container is killed while rounds are told to a table. Unchanged
// clients come back, to whichever container, go on with their session, and have every
// round once and in order; so have those whose container lived.
func TestAKilledRealtimeContainerCostsNoEvent(t *testing.T) {
	t.Parallel()
	const sockets = 10
	p := platform.Start(t, stack.Options{})
	ada, bob := platform.Guest(t, p.URL, "Ada"), platform.Guest(t, p.URL, "Bob")
	script := testclient.Start(t, "client.mjs")
	for i := range sockets {
		script.Tell(testclient.Command{"do": "connect", "client": fmt.Sprint(i), "url": p.URL, "options": map[string]any{
			"auth": map[string]string{"token": bob.Token}, "reconnectionDelay": 100, "reconnectionDelayMax": 300,
		}})
	}
	for i := range sockets {
		name := fmt.Sprint(i)
		script.On(name, "connect")
		if _, err := script.Ask(testclient.Command{"do": "emit", "client": name, "event": "join", "args": []any{platform.Room}, "timeout": 5000}); err != nil {
			t.Fatal(err)
		}
	}
	var rounds []string
	bet := func(n int) {
		for range n {
			round, _ := ada.MustBet(t, fmt.Sprint("bet-", len(rounds)), 1)
			rounds = append(rounds, round.ID)
		}
	}
	moved, recovered := 0, 0
	for n := range times(2) {
		bet(10)
		service := p.Service(fmt.Sprint("realtime-", n%2+1))
		if err := service.Kill(); err != nil {
			t.Fatal(err)
		}
		bet(20) // told while its players are away
		if err := service.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range sockets {
			name := fmt.Sprint(i)
			if _, lost := script.Take(func(l testclient.Line) bool { return l.Client == name && l.On == "disconnect" }); !lost {
				continue
			}
			moved++
			if script.On(name, "connect").Recovered {
				recovered++
			}
		}
	}
	bet(5)
	if moved == 0 || recovered != moved {
		t.Errorf("%d sockets lost their container, %d of them went on", moved, recovered)
	}
	for i := range sockets {
		heard := rounds[:0:0]
		for len(heard) < len(rounds) {
			l := script.Next(fmt.Sprintf("round %d of socket %d", len(heard), i), func(l testclient.Line) bool {
				return l.Client == fmt.Sprint(i) && l.On == "event" && l.Event == "round"
			})
			var args []json.RawMessage
			var event platform.Round
			if json.Unmarshal(l.Args, &args) != nil || len(args) == 0 || json.Unmarshal(args[0], &event) != nil {
				t.Fatalf("socket %d heard %s", i, l.Args)
			}
			heard = append(heard, event.ID)
		}
		if !slices.Equal(heard, rounds) {
			t.Errorf("socket %d: rounds lost, doubled or out of order", i)
		}
	}
	for i := range sockets {
		if l, more := script.Take(func(l testclient.Line) bool {
			return l.Client == fmt.Sprint(i) && l.On == "event" && l.Event == "round"
		}); more {
			t.Errorf("socket %d heard one round too many: %s", i, l.Args)
		}
	}
	t.Logf("%d rounds to %d sockets, %d times a socket lost its container, %d times it went on", len(rounds), sockets, moved, recovered)
}
