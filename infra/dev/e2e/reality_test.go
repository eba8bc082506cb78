package e2e

import (
	"testing"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
)

// A player who has played for an hour is told so on each socket, and nobody else is.
func TestALongSessionIsToldToItsPlayer(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	ada, bob := platform.Guest(t, p.URL, "Ada"), platform.Guest(t, p.URL, "Bob")
	s := newSockets(t)
	s.connect("ada 1", p.Service("realtime-1").URL, ada)
	s.connect("ada 2", p.Service("realtime-2").URL, ada)
	s.connect("bob", p.Service("realtime-2").URL, bob)
	sitDown(t, s, ada, bob, "ada 1", "ada 2", "bob")

	first, _ := ada.MustBet(t, "first", 100)
	id, err := uuid.Parse(ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Played(t, p.Database.AdminPool(t), id, `session_at = session_at - interval '61 min', check_at = check_at - interval '61 min', last_at = last_at - interval '1 min'`)
	second, _ := ada.MustBet(t, "second", 200)
	paid := first.Payout + second.Payout
	for _, name := range []string{"ada 1", "ada 2"} {
		var got struct{ Seconds, Staked, Paid, Net int64 }
		into(t, s.event(name, "reality_check"), &got)
		if got.Seconds < 3660 || got.Seconds > 3700 || got.Staked != 300 || got.Paid != paid || got.Net != paid-300 {
			t.Errorf("%s is told %+v; want 3660 s, staked 300, paid %d", name, got, paid)
		}
	}
	chat(t, s, "ada 1", "bob", ada) // what came before has come
	s.none("bob", "reality_check")
	ada.MustBet(t, "third", 100)
	chat(t, s, "ada 1", "bob", ada)
	s.none("ada 1", "reality_check")
}
