package lobby

import (
	"strings"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestSocketsAreToldOfALoss(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sit("Ada")
	h.sit("Bob")
	h.ask("Ada", "join", "table:dice-1")
	h.lobby.Lost()
	h.lobby.Lost()
	for client, room := range map[string]string{"Ada": "table:dice-1", "Bob": "lobby"} {
		h.Next(client+" is told to load "+room+" again", func(l testclient.Line) bool {
			return l.Client == client && l.Event == "resync" && strings.Contains(string(l.Args), `"room":"`+room+`"`)
		})
	}
}
