package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// A player leaves a hand of blackjack and a field of mines. The sweep has the hand played
// to its end by actions, with an identity token, and gives the stake of the field back.
func TestTheSweepEndsWhatPlayersLeft(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Console: true})
	ada := platform.Guest(t, p.URL, "Ada")
	bet := func(key, game string, params map[string]any) (id, state string) {
		t.Helper()
		answer, err := ada.Do(t.Context(), http.MethodPost, "/v1/bets", key, map[string]any{
			"game": game, "table": game + "-1", "stake": 1000, "params": params,
		})
		must(t, err)
		var body struct {
			Round struct{ ID, State string }
		}
		answer.Into(t, &body)
		return body.Round.ID, body.Round.State
	}
	field, _ := bet("mines", "mines", map[string]any{"mines": 3})
	hand, state := "", ""
	for n := 0; state != "open"; n++ {
		hand, state = bet(fmt.Sprint("hand", n), "blackjack", map[string]any{})
	}
	admin := p.Database.AdminPool(t)
	if _, err := admin.Exec(t.Context(), `UPDATE rounds SET created_at = created_at - '25 h'::interval WHERE state = 'open'`); err != nil {
		t.Fatal(err)
	}
	must(t, p.Sweep())
	for id, want := range map[string]string{field: "void", hand: "settled"} {
		var got string
		if err := admin.QueryRow(t.Context(), `SELECT state FROM rounds WHERE id = $1`, id).Scan(&got); err != nil || got != want {
			t.Errorf("round is %s, %v; want %s", got, err, want)
		}
	}
	if err := p.Sweep(); err != nil { // the ledger adds up
		t.Error(err)
	}
}
