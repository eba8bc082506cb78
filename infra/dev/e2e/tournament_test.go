package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// Two players enter and play; facts make their points, and the sweep shares the pool out.
func TestATournamentFromEntryToPrize(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Console: true})
	admin := p.Database.AdminPool(t)
	var id string
	err := admin.QueryRow(t.Context(), `SELECT tournament_create('Cup', '{dice}', 'wagered', 500, now(), now() + interval '1 hour')::text`).Scan(&id)
	must(t, err)
	ada, bob := platform.Guest(t, p.URL, "Ada"), platform.Guest(t, p.URL, "Bob")
	for player, stake := range map[*platform.Player]int{ada: 300, bob: 200} {
		answer, err := player.Do(t.Context(), http.MethodPost, "/v1/tournaments/"+id+"/entries", "entry", map[string]any{})
		must(t, err)
		answer.Into(t, &struct{}{})
		answer, err = player.Do(t.Context(), http.MethodPost, "/v1/bets", "bet", map[string]any{
			"game": "dice", "table": "dice-1", "stake": stake, "params": map[string]any{"direction": "under", "target": 5000},
		})
		must(t, err)
		answer.Into(t, &struct{}{})
	}
	type standing struct {
		Rank, Points, Prize int
		Player              struct{ Name string }
	}
	look := func() (state string, all []standing) {
		answer, err := ada.Do(t.Context(), http.MethodGet, "/v1/tournaments/"+id, "", nil)
		must(t, err)
		var body struct {
			Tournament struct{ State string }
			Standings  []standing
		}
		answer.Into(t, &body)
		return body.Tournament.State, body.Standings
	}
	points := func(want ...int) bool {
		_, all := look()
		for i, s := range all {
			if i >= len(want) || s.Points != want[i] {
				return false
			}
		}
		return len(all) == len(want)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !points(300, 200); <-tick.C {
		if time.Now().After(deadline) {
			_, all := look()
			t.Fatalf("points that facts have made: %+v; want 300 and 200", all)
		}
	}
	for _, sql := range []string{
		`UPDATE tournaments SET opens_at = opens_at - interval '2 h', starts_at = starts_at - interval '2 h', ends_at = ends_at - interval '2 h'`,
		`UPDATE tournament_entries SET entered_at = entered_at - interval '2 h', points = 0`, // the rounds are the truth
		`UPDATE rounds SET created_at = created_at - interval '2 h', settled_at = settled_at - interval '2 h'`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second one finds nothing to do, and a ledger that adds up
		must(t, p.Sweep())
	}
	state, all := look()
	if state != "settled" || len(all) != 2 || all[0].Player.Name != "Ada" || all[0].Prize != 700 || all[1].Prize != 300 {
		t.Errorf("%s, %+v; want Ada first with 700", state, all)
	}
}
