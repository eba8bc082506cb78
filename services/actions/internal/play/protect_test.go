package play

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// limit sets the player's limits.
func (h *house) limit(p Player, limits ...protection.Limit) {
	h.t.Helper()
	if err := protection.SetLimits(h.t.Context(), h.db, p.ID, limits, protection.DefaultCheck); err != nil {
		h.t.Fatal(err)
	}
}

// age moves what the player has done so far into the past.
func (h *house) age(p Player, by string) {
	h.t.Helper()
	h.admin(`UPDATE player_hours h SET hour = h.hour - $2::interval FROM ledger_accounts a WHERE h.account = a.id AND a.owner = $1`, p.ID, by)
	ledgertest.Played(h.t, h.root(), p.ID, `hour = hour - $2::interval, session_at = session_at - $2::interval, last_at = last_at - $2::interval,
		check_at = check_at - $2::interval`, by)
}

// leaves is when the first or the last hour of the player leaves a window.
func (h *house) leaves(p Player, which, length string) (at time.Time) {
	h.t.Helper()
	sql := `SELECT ` + which + `(hour) + interval '1 h' + $2::interval FROM player_hours WHERE account = (SELECT id FROM ledger_accounts WHERE owner = $1)`
	if err := h.root().QueryRow(h.t.Context(), sql, p.ID, length).Scan(&at); err != nil {
		h.t.Fatal(err)
	}
	return at.UTC()
}

// refused wants a problem of the code with the members, and returns it.
func refused(t *testing.T, what string, err error, code problem.Code, members map[string]any) {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("%s: %v; want %s", what, err, code)
		return
	}
	got, want := fields(t, p.Members), fields(t, members)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: members (-want +got):\n%s", what, diff)
	}
}

func fields(t *testing.T, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAStakeLimitHoldsInEveryWindow(t *testing.T) {
	t.Parallel()
	h := open(t)
	for window, length := range map[protection.Window]string{protection.Day: "24 h", protection.Week: "168 h", protection.Month: "720 h"} {
		p := h.guest("Ada")
		h.limit(p, protection.Limit{Kind: protection.Stake, Window: window, Amount: 1000})
		h.mustPlace(p, "a", 300, winning)
		h.age(p, "2 h")
		h.mustPlace(p, "b", 600, losing)
		_, err := h.place(p, "c", 101, losing)
		refused(t, "101 of 100", err, problem.LimitReached, map[string]any{"limit": "stake", "window": window, "resets_at": h.leaves(p, "min", length)})
		_, err = h.place(p, "c", 500, losing) // waits for the second hour, too
		refused(t, "500 of 100", err, problem.LimitReached, map[string]any{"limit": "stake", "window": window, "resets_at": h.leaves(p, "max", length)})
		_, err = h.place(p, "c", 1001, losing)
		refused(t, "more than all", err, problem.LimitReached, map[string]any{"limit": "stake", "window": window, "resets_at": nil})
		h.mustPlace(p, "c", 100, losing) // the key has stayed free
		if _, err := h.place(p, "d", 1, losing); !is(err, problem.LimitReached) {
			t.Errorf("%s: one more: %v", window, err)
		}
		h.age(p, length)
		h.age(p, "1 h")
		h.mustPlace(p, "d", 1000, losing)
	}
	h.sound()
}

func TestALossLimitCountsWhatWasPaid(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	h.limit(p, protection.Limit{Kind: protection.Loss, Window: protection.Day, Amount: 500})
	for n := range 10 {
		h.mustPlace(p, key(n), 500, winning) // pays the stake back
	}
	h.mustPlace(p, "l", 400, losing)
	_, err := h.place(p, "m", 101, winning)
	refused(t, "101 of 100", err, problem.LimitReached, map[string]any{"limit": "loss", "window": "24h", "resets_at": h.leaves(p, "max", "24 h")})
	h.mustPlace(p, "m", 100, winning)
	h.mustPlace(p, "n", 100, losing)
	// Of an hour in which more was paid than staked nothing gets better when it has left.
	h.moved = true // what was paid, too
	ledgertest.Played(h.t, h.root(), p.ID, `paid = paid + 1000`)
	h.admin(`UPDATE player_hours h SET paid = h.paid + 1000 FROM ledger_accounts a WHERE h.account = a.id AND a.owner = $1`, p.ID)
	h.admin(`INSERT INTO player_hours SELECT id, hour - interval '3 h', 0, 0, 0, '0' FROM ledger_accounts WHERE owner = $1`, p.ID)
	h.mustPlace(p, "o", 1000, losing)
	_, err = h.place(p, "p", 1, losing)
	refused(t, "after a win", err, problem.LimitReached, map[string]any{"limit": "loss", "window": "24h", "resets_at": h.leaves(p, "max", "24 h")})
}

func TestASessionLimitCountsTheTimeBetweenBets(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	h.limit(p, protection.Limit{Kind: protection.Session, Window: protection.Day, Amount: 1500})
	h.mustPlace(p, "a", 1, losing)
	for n := range 2 {
		ledgertest.Played(h.t, h.root(), p.ID, `last_at = last_at - interval '10 min', session_at = session_at - interval '10 min'`)
		h.mustPlace(p, key(n), 1, losing)
	}
	a, err := protection.ActivityOf(t.Context(), h.db, p.ID)
	if err != nil || a.Session == nil || a.Session.Seconds < 1200 || a.Session.Seconds > 1300 || a.Windows[0].Seconds != a.Session.Seconds || a.Session.Staked != 3 {
		t.Errorf("activity = %+v, %v", a, err)
	}
	// Ten minutes more would be 30; a pause is no play.
	ledgertest.Played(h.t, h.root(), p.ID, `last_at = last_at - interval '10 min'`)
	_, err = h.place(p, "b", 1, losing)
	if !is(err, problem.LimitReached) {
		t.Errorf("30 minutes of 25: %v", err)
	}
	ledgertest.Played(h.t, h.root(), p.ID, `last_at = last_at - interval '5 min'`)
	h.mustPlace(p, "b", 1, losing)
	if a, err = protection.ActivityOf(t.Context(), h.db, p.ID); err != nil || a.Session == nil || a.Session.Seconds != 0 || a.Session.Staked != 1 || a.Windows[0].Staked != 4 {
		t.Errorf("a new session: %+v, %v", a, err)
	}
	ledgertest.Played(h.t, h.root(), p.ID, `played = interval '25 min'`)
	_, err = h.place(p, "c", 1, losing)
	refused(t, "all of it", err, problem.LimitReached, map[string]any{"limit": "session", "window": "24h", "resets_at": h.leaves(p, "max", "24 h")})
	h.sound()
}

func TestTheLowestOfAllLimitsWins(t *testing.T) {
	t.Parallel()
	h := open(t)
	strict := h.desk
	h.db, h.desk = h.through(h.pg.URL, "auto")
	house := NewDesk(h.db, Options{Maxima: protection.Maxima{{Kind: protection.Stake, Window: protection.Day, Amount: 700}}}, func() {})
	t.Cleanup(house.Close)
	p, free := h.guest("Ada"), h.guest("Bob")
	h.limit(p, protection.Limit{Kind: protection.Stake, Window: protection.Day, Amount: 800}, protection.Limit{Kind: protection.Stake, Window: protection.Week, Amount: 600},
		protection.Limit{Kind: protection.Loss, Window: protection.Day, Amount: 500})
	h.mustPlace(p, "a", 500, winning)
	if _, err := strict.Place(t.Context(), h.bet(p, "b", 101, winning)); !is(err, problem.LimitReached) {
		t.Errorf("over 600 in 7 days: %v", err)
	}
	_, err := strict.Place(t.Context(), h.bet(p, "b", 701, winning))
	refused(t, "over all three", err, problem.LimitReached, map[string]any{"limit": "loss", "window": "24h", "resets_at": nil})
	h.desk = house
	for _, who := range []Player{p, free} {
		if _, err := h.place(who, "c", 701, winning); !is(err, problem.LimitReached) {
			t.Errorf("%s, more than the house takes: %v", who.Name, err)
		}
	}
	h.mustPlace(free, "c", 700, winning)
	_, err = h.place(free, "d", 1, winning)
	refused(t, "the house's", err, problem.LimitReached, map[string]any{"limit": "stake", "window": "24h", "resets_at": h.leaves(free, "max", "24 h")})
	h.desk = strict
	h.mustPlace(free, "d", money.Amount(50_000), losing)
	h.sound()
}

func TestABatchGoesOnWithoutTheLimited(t *testing.T) {
	t.Parallel()
	h := open(t)
	var bets []*Bet
	for n := range 20 {
		p := h.guest(fmt.Sprint("player ", n))
		if n%5 == 3 {
			h.limit(p, protection.Limit{Kind: protection.Stake, Window: protection.Day, Amount: 10})
		}
		bets = append(bets, h.bet(p, "k", 11, losing))
	}
	results, err := h.desk.attempt(t.Context(), bets)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range results {
		if got := is(r.err, problem.LimitReached); got != (n%5 == 3) || !got && r.err != nil {
			t.Errorf("bet %d: %v", n, r.err)
		}
	}
	if n := h.count(`SELECT count(*) FROM rounds`); n != 16 {
		t.Errorf("%d rounds; want 16", n)
	}
	if n := h.count(`SELECT sum(nonce)::int FROM seeds`); n != 16 {
		t.Errorf("%d nonces were taken; want 16", n)
	}
	h.sound()
}

// What is pruned of a player's hours is in no limit and no window.
func TestPrunedHoursAreMissedByNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	h.limit(p, protection.Limit{Kind: protection.Stake, Window: protection.Month, Amount: 1000})
	h.mustPlace(p, "a", 900, losing)
	h.age(p, "800 h")
	h.mustPlace(p, "b", 200, winning)
	h.age(p, "500 h")
	h.mustPlace(p, "c", 300, losing)
	ledgertest.Played(t, h.root(), p.ID, `created_at = created_at - $2::interval`, "1300 h")
	ask := func() (protection.Activity, error) {
		t.Helper()
		activity, err := protection.ActivityOf(t.Context(), h.db, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, refusal := h.place(p, "d", 501, losing)
		return activity, refusal
	}
	before, refusal := ask()
	if before.Windows[2].Staked != 500 || !is(refusal, problem.LimitReached) {
		t.Fatalf("before: %+v, %v; want 500 of 1000 staked", before, refusal)
	}
	if n := h.count(`SELECT done FROM prune_hours('32 days', 10)`); n != 1 {
		t.Errorf("%d hours pruned; want the first", n)
	}
	after, again := ask()
	if diff := cmp.Diff(before, after); diff != "" || fmt.Sprint(again) != fmt.Sprint(refusal) {
		t.Errorf("after: %s %v; before %v", diff, again, refusal)
	}
	h.mustPlace(p, "d", 500, losing)
}
