package tables

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/history"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/verify"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/problem"
)

const at = "roulette-1"

func TestARoundOfRouletteFromItsOpeningToItsResult(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	if _, err := h.bet(ada, "early", at, 100, `{"bet":"red"}`); !is(err, problem.BetsClosed) {
		t.Errorf("before the first round: %v; want bets_closed", err)
	}
	opened := h.advance(at)
	if opened.State != Open || opened.Seq != 1 || opened.Next < 14_000 || opened.Next > 15_001 {
		t.Fatalf("opened %+v", opened)
	}
	if again := h.advance(at); again.Round != opened.Round || again.Next > opened.Next {
		t.Errorf("asked again: %+v after %+v", again, opened)
	}
	seed, _, err := fair.NewServerSeed()
	if err != nil {
		t.Fatal(err)
	}
	h.rig(at, seed, opened.Round.String())
	h.admin(`UPDATE table_rounds SET server_hash = $1`, fair.Hash(seed))
	pocket := fair.NewStream(seed, opened.Round.String(), 1).Intn(37)

	straight, other := h.straight(ada, "a", int64(pocket)), h.straight(ada, "b", int64(pocket+1)%37)
	third := h.straight(bob, "a", int64(pocket))
	if straight.Round.State != "open" || straight.Round.Nonce != 1 || straight.Round.Balance != 99_900 || other.Round.Balance != 99_800 {
		t.Errorf("bets: %+v, %+v", straight, other)
	}
	if r := h.find(ada, straight.Round.ID); r.ServerSeed != "" || r.State != "open" || string(r.View) == "" {
		t.Errorf("an open bet: %+v", r)
	}
	if _, err := history.Bundle(t.Context(), h.db, ada.ID, straight.Round.ID); !is(err, problem.RoundOpen) {
		t.Errorf("bundle of an open bet: %v", err)
	}
	h.pass(at)
	if _, err := h.bet(bob, "late", at, 100, `{"bet":"red"}`); !is(err, problem.BetsClosed) {
		t.Errorf("late: %v; want bets_closed", err)
	}
	if s := h.advance(at); s.State != Locked || s.Next > 5001 || s.Next < 4000 {
		t.Errorf("locked: %+v", s)
	}
	h.pass(at)
	if s := h.advance(at); s.State != Settled || s.Seq != 1 || s.Next > 4001 || s.Next < 3000 {
		t.Errorf("settled: %+v", s)
	}
	if a, b := h.balance(ada), h.balance(bob); a != 99_800+3600 || b != 99_900+3600 {
		t.Errorf("balances %d, %d", a, b)
	}
	for _, b := range []placed{straight, other} {
		verified(t, h, ada.ID, b)
	}
	if r := h.find(bob, third.Round.ID); r.State != "settled" || r.Payout != 3600 || r.ServerSeed != seed || r.Outcome == nil {
		t.Errorf("Bob's bet: %+v", r)
	}
	if replayed, err := h.bet(ada, "a", at, 100, straightOn(int64(pocket))); err != nil || !replayed.Replayed || h.read(replayed).Round.State != "open" {
		t.Errorf("the bet again: %s, %v", replayed.Body, err)
	}
	h.pass(at)
	if s := h.advance(at); s.State != Open || s.Seq != 2 {
		t.Errorf("next: %+v", s)
	}
	h.announced(t, at, "1 open", "1 locked", "1 settled", "2 open")
}

// announced compares the events of a table, in the order in which they are sent.
func (h *house) announced(t *testing.T, id string, want ...string) {
	t.Helper()
	rows, err := h.root.Query(t.Context(), `SELECT body FROM outbox WHERE sink = 'room' AND type = 'table' AND key = 'table:' || $1::text ORDER BY id`, id)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var text []byte
		var events []tableEvent
		if err := rows.Scan(&text); err != nil || json.Unmarshal(text, &events) != nil {
			t.Fatalf("event %s: %v", text, err)
		}
		e := events[0]
		got = append(got, key2(e.Seq, e.State))
		if secret := e.ServerSeed != "" || e.Outcome != nil; secret != (e.State == Settled) {
			t.Errorf("event of a round that is %s: %s", e.State, text)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("events %q; want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("events %q; want %q", got, want)
			break
		}
	}
}

func TestBetsOfAPlayerInOneRoundAreBounded(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	h.advance(at)
	for n := range 100 {
		h.mustBet(ada, key(n), at, 10, `{"bet":"even"}`)
	}
	if _, err := h.bet(ada, "more", at, 10, `{"bet":"even"}`); !is(err, problem.TooManyBets) {
		t.Errorf("the 101st bet: %v; want too_many_bets", err)
	}
	h.mustBet(bob, "k", at, 10, `{"bet":"even"}`)
	h.settle(at)
	h.pass(at)
	h.advance(at)
	h.mustBet(ada, "more", at, 10, `{"bet":"even"}`)
}

func TestAPlayerCannotStakeMoreThanThereIs(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.advance(at)
	h.mustBet(ada, "a", at, 99_990, `{"bet":"even"}`)
	if _, err := h.bet(ada, "b", at, 11, `{"bet":"odd"}`); !is(err, problem.InsufficientFunds) {
		t.Errorf("more than there is: %v", err)
	}
	if _, err := h.bet(ada, "a", at, 99_991, `{"bet":"even"}`); !is(err, problem.KeyReused) {
		t.Errorf("another bet under the key: %v", err)
	}
}

// verified checks the bundle of a settled bet, and that its house cannot have lied in the
// draw or in the money.
func verified(t *testing.T, h *house, player [16]byte, b placed) {
	t.Helper()
	text, err := history.Bundle(t.Context(), h.db, player, b.Round.ID)
	if err != nil {
		t.Fatal(err)
	}
	report, err := verify.Check(text)
	if err != nil || !report.OK {
		t.Errorf("bundle %s: %+v, %v", text, report, err)
	}
	bundle, err := verify.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	bundle.Payout++
	if lie, err := bundle.Text(); err != nil {
		t.Fatal(err)
	} else if report, err := verify.Check(lie); err != nil || report.OK {
		t.Errorf("a bundle with another payout: %+v, %v", report, err)
	}
}

// straight bets 100 on one pocket.
func (h *house) straight(p play.Player, key string, pocket int64) placed {
	h.t.Helper()
	return h.mustBet(p, key, at, 100, straightOn(pocket))
}

func straightOn(pocket int64) string { return fmt.Sprintf(`{"bet":"straight","numbers":[%d]}`, pocket) }

func key2(seq int64, state string) string { return fmt.Sprint(seq, " ", state) }
