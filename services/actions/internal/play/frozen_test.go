package play

import (
	"testing"

	"github.com/vegascore/vegascore/shared/problem"
)

// Others of the set play on, and what was answered before is answered again.
func TestAFrozenAccountDoesNotBet(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	h.mustPlace(ada, "before", 100, losing)
	h.admin(`SELECT ledger_freeze(ARRAY(SELECT id FROM ledger_accounts WHERE owner = $1), 'test')`, ada.ID)
	nonce := `SELECT nonce FROM seeds WHERE player_id = $1 AND state = 'active'`
	was := h.count(nonce, ada.ID)
	results, err := h.desk.place(t.Context(), []*Bet{
		h.bet(ada, "after", 100, losing), h.bet(bob, "k", 100, losing),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !is(results[0].err, problem.AccountFrozen) {
		t.Errorf("Ada: %v; want account_frozen", results[0].err)
	}
	if results[1].err != nil {
		t.Errorf("Bob: %v; want a round", results[1].err)
	}
	if is := h.count(nonce, ada.ID); is != was {
		t.Errorf("the nonce went from %d to %d", was, is)
	}
	if a := h.mustPlace(ada, "before", 100, losing); !a.Replayed {
		t.Error("the round of before is not answered again")
	}
	h.admin(`SELECT ledger_thaw(id) FROM ledger_accounts WHERE owner = $1`, ada.ID)
	h.mustPlace(ada, "after", 100, losing)
	h.sound()
}
