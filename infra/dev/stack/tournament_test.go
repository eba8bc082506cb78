package stack

import (
	"testing"

	"github.com/vegascore/vegascore/shared/localpg"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/tournament"
)

func TestEachStartHasATournamentThatRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := &Stack{postgres: new(localpg.Server), vars: variables{directURL: db.DirectURL}}
	for i, move := range []string{"0", "0", "26 min"} { // started, started again, and when it is about to end
		if _, err := db.AdminPool(t).Exec(t.Context(), `UPDATE tournaments SET opens_at = opens_at - $1::text::interval,
			starts_at = starts_at - $1::text::interval, ends_at = ends_at - $1::text::interval`, move); err != nil {
			t.Fatal(err)
		}
		if err := s.holdTournament(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := tournament.List(t.Context(), db.Pool(t))
		if want := 1 + i/2; err != nil || len(all) != want || all[0].State != tournament.Running {
			t.Errorf("start %d: %+v, %v; want %d, the last running", i, all, err, want)
		}
	}
}
