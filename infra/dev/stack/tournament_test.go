package stack

import (
	"testing"

	"github.com/vegascore/vegascore/shared/localpg"
	"github.com/vegascore/vegascore/shared/pgtest"
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
		var all, running int
		err := db.Pool(t).QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE starts_at <= now() AND ends_at > now() + interval '5 min')
			FROM tournaments`).Scan(&all, &running)
		if want := 1 + i/2; err != nil || all != want || running != 1 {
			t.Errorf("start %d: %d tournaments, %d running, %v; want %d and 1", i, all, running, err, want)
		}
	}
}
