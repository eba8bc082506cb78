package play

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// away makes everything in the open rounds as old as a day.
func (h *house) away() {
	h.t.Helper()
	h.admin(`UPDATE rounds SET created_at = created_at - '25 h'::interval WHERE state = 'open'`)
	h.admin(`UPDATE round_steps SET created_at = created_at - '25 h'::interval`)
}

func (h *house) finish(most int) Finished {
	h.t.Helper()
	f, err := h.desk.Finish(h.t.Context(), 24*time.Hour, uuid.Nil, most, func(round uuid.UUID, err error) { h.t.Errorf("round %s: %v", round, err) })
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func TestRoundsThatWereLeftArePlayedToTheirEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob, eve := h.guest("Ada"), h.guest("Bob"), h.guest("Eve")
	opened := h.begin(ada, "k", "mines", 1000, `{"mines":3}`)
	safe, _ := laid(opened.Nonce, 3)
	h.mustAct(ada, "a", opened.ID, reveal(safe[0]))
	untouched := h.begin(bob, "k", "mines", 1000, `{"mines":3}`)
	hands := 0
	for n := range 40 { // some of these hands stay open
		r := h.begin(eve, key(n), "blackjack", 10, `{}`)
		if r.State == "open" {
			hands++
			h.away()
			if f := h.finish(1); f.Settled != 1 && f.Settled+len(f.Void) == 0 {
				t.Errorf("round %d: %+v", n, f)
			}
			h.finish(10)
		}
	}
	if hands == 0 {
		t.Error("no hand stayed open")
	}
	found, err := Find(t.Context(), h.db, ada.ID, opened.ID)
	if err != nil || found.State != "settled" || found.Payout != 1125 {
		t.Errorf("mines: %+v, %v; want the money taken", found, err)
	}
	f := h.finish(10)
	if f.Settled != 0 || f.Failed != 0 || !slices.Equal(f.Void, []uuid.UUID{untouched.ID}) {
		t.Errorf("in the end: %+v; want Bob's round to be void", f)
	}
	if n := h.count(`SELECT count(*) FROM rounds WHERE state = 'open'`); n != 1 {
		t.Errorf("%d rounds are open; want Bob's", n)
	}
	h.sound()
}

func TestARoundThatIsPlayedIsNotFinished(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	r := h.begin(ada, "k", "mines", 1000, `{"mines":3}`)
	safe, _ := laid(r.Nonce, 3)
	for i, tile := range safe[:3] {
		h.away()
		h.mustAct(ada, fmt.Sprint("a", i), r.ID, reveal(tile))
		if f := h.finish(10); f.Settled != 0 || len(f.Void) != 0 {
			t.Errorf("after tile %d: %+v", i, f)
		}
	}
	h.away()
	if f := h.finish(10); f.Settled != 1 {
		t.Errorf("left: %+v", f)
	}
	h.sound()
}
