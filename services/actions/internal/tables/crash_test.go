package tables

import (
	"fmt"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/games/crash"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

const flight = "crash-1"

// bust is where the round of a table busts, in hundredths.
func (h *house) bust(id string) int64 {
	h.t.Helper()
	var hash, salt string
	if err := h.root.QueryRow(h.t.Context(), `SELECT server_seed, client_seed FROM table_rounds WHERE table_id = $1 ORDER BY seq DESC LIMIT 1`, id).
		Scan(&hash, &salt); err != nil {
		h.t.Fatal(err)
	}
	return crash.Draw(fair.NewLink(hash, salt)).Bust
}

// openUntil opens rounds of crash until one busts at least there.
func (h *house) openUntil(least int64) (links int64) {
	h.t.Helper()
	for {
		s := h.advance(flight)
		if h.bust(flight) >= least {
			return s.Seq
		}
		h.settle(flight)
		h.pass(flight)
	}
}

// at makes it so many milliseconds since the round was locked.
func (h *house) at(ms int64) {
	h.t.Helper()
	h.admin(`UPDATE table_rounds SET due_at = due_at - gap, locked_at = locked_at - gap
		FROM (SELECT locked_at - (clock_timestamp() - $2 * interval '1 ms') AS gap FROM table_rounds WHERE table_id = $1 AND state = 'locked') g
		WHERE table_id = $1 AND state = 'locked'`, flight, ms)
}

func TestACrashIsCashedOutByHandAndByItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob, cyd := h.guest("Ada"), h.guest("Bob"), h.guest("Cyd")
	seq := h.openUntil(300)
	bust := h.bust(flight)
	a := h.mustBet(ada, "k", flight, 1000, `{"auto":10000000}`)
	b := h.mustBet(bob, "k", flight, 1000, `{"auto":200}`)
	c := h.mustBet(cyd, "k", flight, 1000, fmt.Sprintf(`{"auto":%d}`, bust+1))
	if _, err := h.act(ada, "soon", a.Round.ID, `{"action":"cash_out"}`); !is(err, problem.ActionRefused) {
		t.Errorf("before the start: %v; want action_refused", err)
	}
	for _, forged := range []string{`{"action":"cash_out","at_ms":1}`, `{"action":"end"}`, `{"action":"fly"}`, `{}`} {
		if _, err := h.act(ada, "forged", a.Round.ID, forged); !is(err, problem.ActionInvalid) && !is(err, problem.UnknownField) && !is(err, problem.MissingField) {
			t.Errorf("%s: %v", forged, err)
		}
	}
	h.pass(flight)
	if s := h.advance(flight); s.State != Locked || s.Seq != seq {
		t.Fatalf("locked: %+v", s)
	}
	if _, err := h.act(bob, "theft", a.Round.ID, `{"action":"cash_out"}`); !is(err, problem.NotFound) {
		t.Errorf("another's bet: %v", err)
	}
	h.at(9000) // 1.71
	answer, err := h.act(ada, "now", a.Round.ID, `{"action":"cash_out"}`)
	if err != nil {
		t.Fatal(err)
	}
	out := h.read(answer)
	if out.Round.State != "settled" || out.Round.Payout < 1710 || out.Round.Payout > 2990 || out.Round.Balance != 99_000+out.Round.Payout {
		t.Errorf("cashed out: %s", answer.Body)
	}
	if again, err := h.act(ada, "now", a.Round.ID, `{"action":"cash_out"}`); err != nil || !again.Replayed || string(again.Body) != string(answer.Body) {
		t.Errorf("the same again: %s, %v", again.Body, err)
	}
	if _, err := h.act(ada, "twice", a.Round.ID, `{"action":"cash_out"}`); !is(err, problem.RoundOver) {
		t.Errorf("a second time: %v", err)
	}
	h.pass(flight) // it has bust, and nobody has settled it
	if _, err := h.act(cyd, "late", c.Round.ID, `{"action":"cash_out"}`); !is(err, problem.ActionRefused) {
		t.Errorf("after the bust: %v; want action_refused", err)
	}
	h.settle(flight)
	if bob, cyd := h.balance(bob), h.balance(cyd); bob != 99_000+2000 || cyd != 99_000 {
		t.Errorf("balances %d, %d", bob, cyd)
	}
	for player, bet := range map[[16]byte]placed{ada.ID: a, bob.ID: b, cyd.ID: c} {
		verified(t, h, player, bet)
	}
}

// Each game hash is the one whose hash was played before it, back to the commitment.
func TestTheRoundsOfCrashAreLinks(t *testing.T) {
	t.Parallel()
	h := open(t)
	before := ""
	for n := range 4 {
		h.advance(flight)
		view, err := h.floor.Look(t.Context(), table(t, flight))
		if err != nil {
			t.Fatal(err)
		}
		if view.Chain == nil || view.Round.Link != int32(n+1) || view.Round.ServerSeed != "" || view.Round.ClientSeed != view.Chain.Salt {
			t.Fatalf("the table: %+v", view)
		}
		if before == "" {
			before = view.Chain.Commitment
		}
		if view.Round.ServerSeedHash != before {
			t.Errorf("link %d: hash %s; want %s", n+1, view.Round.ServerSeedHash, before)
		}
		h.settle(flight)
		if view, err = h.floor.Look(t.Context(), table(t, flight)); err != nil {
			t.Fatal(err)
		}
		if last := view.Last[0]; len(view.Last) != n+1 || fair.Hash(last.ServerSeed) != before || last.Outcome == nil {
			t.Errorf("settled: %+v", last)
		}
		before = view.Last[0].ServerSeed
		h.pass(flight)
	}
	h.admin(`UPDATE table_chains SET used = links`)
	h.advance(flight)
	if n := h.count(`SELECT count(*) FROM table_chains`); n != 2 {
		t.Errorf("%d chains; want a second one", n)
	}
	if n := h.count(`SELECT link FROM table_rounds ORDER BY seq DESC LIMIT 1`); n != 1 {
		t.Errorf("link %d of the second chain; want its first", n)
	}
}

// Until it has bust, where it busts is in nothing that leaves the house.
func TestABustIsToldByNothingBefore(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.openUntil(1000)
	before := h.count(`SELECT max(id) FROM outbox`) // what was said of the rounds before
	bet := h.mustBet(ada, "k", flight, 1000, `{"auto":10000000}`)
	h.pass(flight)
	h.advance(flight)
	h.at(3000)
	if _, err := h.act(ada, "out", bet.Round.ID, `{"action":"cash_out"}`); err != nil {
		t.Fatal(err)
	}
	var seed string
	if err := h.root.QueryRow(t.Context(), `SELECT server_seed FROM table_rounds WHERE state = 'locked'`).Scan(&seed); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{seed, fmt.Sprintf(`"bust":%d`, h.bust(flight)), `"last_ms"`, `"due_at"`} {
		const told = `SELECT (SELECT count(*) FROM outbox WHERE id > $2 AND position($1 in body::text) > 0) + (SELECT count(*) FROM round_steps WHERE position($1 in answer) > 0)
			+ (SELECT count(*) FROM rounds WHERE position($1 in answer || coalesce(outcome::text, '')) > 0)`
		if n := h.count(told, secret, before); n > 0 {
			t.Errorf("%q was told %d times", secret, n)
		}
	}
	view, err := h.floor.Look(t.Context(), table(t, flight))
	if err != nil || view.Round.State != Locked || view.Round.Outcome != nil || view.Round.ServerSeed != "" {
		t.Errorf("the table: %+v, %v", view.Round, err)
	}
	h.settle(flight)
	if got := h.balance(ada); got < 99_000+money.Amount(1190) {
		t.Errorf("balance %d", got)
	}
}

// Who takes a time-out stakes no more, and may still take what is won.
func TestATimeOutHoldsAtSharedTables(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.openUntil(300)
	bet := h.mustBet(ada, "k", flight, 1000, `{"auto":10000000}`)
	h.admin(`SELECT protection_timeout($1, 24)`, ada.ID)
	if _, err := h.bet(ada, "more", flight, 1, `{"auto":200}`); !is(err, problem.Excluded) {
		t.Errorf("a bet in a time-out: %v; want excluded", err)
	}
	h.pass(flight)
	h.advance(flight)
	h.at(5000)
	if _, err := h.act(ada, "out", bet.Round.ID, `{"action":"cash_out"}`); err != nil {
		t.Errorf("a cash-out in a time-out: %v", err)
	}
	h.settle(flight)
}
