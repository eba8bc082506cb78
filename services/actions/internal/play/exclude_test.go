package play

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/ledger/ledgertest"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// settings are what protects the player now.
func (h *house) settings(p Player) protection.Settings {
	h.t.Helper()
	s, err := protection.Get(h.t.Context(), h.db, p.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func TestATimeOutEndsByItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	for _, hours := range []int64{48, 24} { // the second one is shorter and changes nothing
		if err := protection.TimeOut(t.Context(), h.db, p.ID, hours); err != nil {
			t.Fatal(err)
		}
	}
	until := h.settings(p).TimeOut
	if until == nil || time.Until(*until) < 47*time.Hour {
		t.Fatalf("until %v; want in 48 hours", until)
	}
	_, err := h.place(p, "k", 1, losing)
	refused(t, "in the time-out", err, problem.Excluded, map[string]any{"until": until.Add(time.Second - 1).Truncate(time.Second)})
	h.admin(`UPDATE player_protection SET timeout_until = now() WHERE player_id = $1`, p.ID)
	h.mustPlace(p, "k", 1, losing)
	if s := h.settings(p); s.TimeOut != nil {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestASelfExclusionEndsWhenAskedAndADayLater(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	ask := func() error { return protection.Return(t.Context(), h.db, p.ID) }
	if err := ask(); err != nil {
		t.Errorf("nothing to end: %v", err)
	}
	for _, months := range []int64{12, 6} {
		if err := protection.Exclude(t.Context(), h.db, p.ID, months); err != nil {
			t.Fatal(err)
		}
	}
	if err := protection.TimeOut(t.Context(), h.db, p.ID, 24); err != nil {
		t.Fatal(err)
	}
	until := h.settings(p).Exclusion.Until
	if time.Until(until) < 364*24*time.Hour {
		t.Errorf("until %s; want in a year", until)
	}
	ends := map[string]any{"until": until.Add(time.Second - 1).Truncate(time.Second)}
	refused(t, "asked too early", ask(), problem.Excluded, ends)
	_, err := h.place(p, "k", 1, losing)
	refused(t, "excluded", err, problem.Excluded, ends)

	h.admin(`UPDATE player_protection SET excluded_until = now(), timeout_until = now() WHERE player_id = $1`, p.ID)
	_, err = h.place(p, "k", 1, losing)
	refused(t, "after its end", err, problem.Excluded, map[string]any{"until": nil})
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	returns := *h.settings(p).Exclusion.Returns
	if err := ask(); err != nil || !h.settings(p).Exclusion.Returns.Equal(returns) {
		t.Errorf("asked twice: %v, %v", err, h.settings(p).Exclusion)
	}
	_, err = h.place(p, "k", 1, losing)
	refused(t, "asked", err, problem.Excluded, map[string]any{"until": returns.Add(time.Second - 1).Truncate(time.Second)})
	h.admin(`UPDATE player_protection SET returns_at = now() WHERE player_id = $1`, p.ID)
	h.mustPlace(p, "k", 1, losing)
	if err := protection.Exclude(t.Context(), h.db, p.ID, 6); err != nil {
		t.Fatal(err)
	}
	if _, err := h.place(p, "l", 1, losing); !is(err, problem.Excluded) {
		t.Errorf("excluded again: %v", err)
	}
}

func TestAnOpenRoundIsPlayedOnWithoutFurtherCost(t *testing.T) {
	t.Parallel()
	h := open(t)
	p, q := h.guest("Ada"), h.guest("Bob")
	mines := h.begin(p, "m", "mines", 100, `{"mines":3}`)
	hand := h.doubled(p)
	staked := h.count(`SELECT sum(staked)::int FROM ledger_accounts`)
	h.limit(p, protection.Limit{Kind: protection.Stake, Window: protection.Day, Amount: int64(staked) + 299})
	_, err := h.act(p, "d", hand.ID, `{"action":"double"}`)
	refused(t, "double", err, problem.LimitReached, map[string]any{"limit": "stake", "window": "24h", "resets_at": h.leaves(p, "max", "24 h")})
	if err := protection.Exclude(t.Context(), h.db, p.ID, 6); err != nil {
		t.Fatal(err)
	}
	if _, err := h.act(p, "d", hand.ID, `{"action":"double"}`); !is(err, problem.Excluded) {
		t.Errorf("double while excluded: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM round_steps WHERE key = 'd'`); n != 0 {
		t.Errorf("%d steps were kept of what was refused", n)
	}
	if r := h.mustAct(p, "d", hand.ID, `{"action":"stand"}`); r.State != "settled" { // the key was free
		t.Errorf("stand: %+v", r)
	}
	safe, _ := laid(mines.Nonce, 3)
	h.mustAct(p, "a1", mines.ID, reveal(safe[0]))
	if r := h.mustAct(p, "a2", mines.ID, cashOut); r.State != "settled" {
		t.Errorf("cash out: %+v", r)
	}
	h.mustPlace(q, "k", 1, losing)
	h.sound()
}

// doubled opens hands of blackjack until one can be doubled.
func (h *house) doubled(p Player) answered {
	h.t.Helper()
	for n := range 100 {
		hand := h.begin(p, fmt.Sprint("hand", n), "blackjack", 300, `{}`)
		for hand.State != "settled" {
			var view struct{ Actions []string }
			if err := json.Unmarshal(hand.View, &view); err != nil {
				h.t.Fatal(err)
			}
			if slices.Contains(view.Actions, "double") {
				return hand
			}
			hand = h.mustAct(p, fmt.Sprint("decline", n), hand.ID, fmt.Sprintf(`{"action":%q}`, view.Actions[len(view.Actions)-1]))
		}
	}
	h.t.Fatal("no hand can be doubled")
	return answered{}
}

func TestLimitsRiseADayLaterAndFallAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	limit := func(amount int64) protection.Limit {
		return protection.Limit{Kind: protection.Stake, Window: protection.Day, Amount: amount}
	}
	pass := func() { // what waits has waited enough
		h.admin(`UPDATE player_limits SET pending_at = now() WHERE player_id = $1`, p.ID)
	}
	want := func(what string, amount int64, pending *int64, waits bool) {
		t.Helper()
		all := h.settings(p).Limits
		if len(all) != 1 || all[0].Amount != amount || (all[0].Pending != nil) != waits || waits && !cmp.Equal(all[0].Pending.Amount, pending) {
			t.Errorf("%s: %+v", what, all)
		}
		if waits && len(all) == 1 {
			if in := time.Until(all[0].Pending.At); in < 23*time.Hour || in > 25*time.Hour {
				t.Errorf("%s: in %s; want 24 h", what, in)
			}
		}
	}
	h.limit(p, limit(500))
	want("first", 500, nil, false)
	h.limit(p, limit(300))
	want("lower", 300, nil, false)
	h.limit(p, limit(900))
	want("higher", 300, new(int64(900)), true)
	if _, err := h.place(p, "k", 301, losing); !is(err, problem.LimitReached) {
		t.Errorf("before the day: %v", err)
	}
	h.admin(`UPDATE player_limits SET pending_at = now() + interval '1 h' WHERE player_id = $1`, p.ID)
	h.limit(p, limit(800))
	if at := h.settings(p).Limits[0].Pending.At; time.Until(at) > 2*time.Hour {
		t.Errorf("less than was asked for waits anew, until %s", at)
	}
	h.limit(p, limit(1000))
	want("more than was asked for", 300, new(int64(1000)), true)
	pass()
	want("after the day", 1000, nil, false)
	h.mustPlace(p, "k", 301, losing)
	h.limit(p)
	want("without it", 1000, nil, true)
	if _, err := h.place(p, "l", 1000, losing); !is(err, problem.LimitReached) {
		t.Errorf("before the limit is gone: %v", err)
	}
	h.limit(p, limit(1000))
	want("taken back", 1000, nil, false)
	h.limit(p)
	pass()
	if all := h.settings(p).Limits; len(all) != 0 {
		t.Errorf("a day after: %+v", all)
	}
	h.mustPlace(p, "l", 1000, losing)
	h.limit(p, limit(2000))
	want("a new one", 2000, nil, false)
	if err := protection.SetLimits(t.Context(), h.db, uuid.New(), nil, 60); err == nil {
		t.Error("a stranger has limits")
	}
}

// Two desks stand for two processes: nothing of a limit is in their memory.
func TestParallelBetsPassExactlyTheLimit(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, other := h.through(h.pg.URL, postgres.ModeAuto)
	for _, kind := range []protection.Kind{protection.Stake, protection.Loss} {
		p := h.guest("Ada")
		h.limit(p, protection.Limit{Kind: kind, Window: protection.Week, Amount: 370})
		var passed, refused atomic.Int64
		var wg sync.WaitGroup
		for n := range 100 {
			desk := []*Desk{h.desk, other}[n%2]
			bet := h.bet(p, key(n), 10, losing)
			wg.Go(func() {
				switch _, err := desk.Place(t.Context(), bet); {
				case err == nil:
					passed.Add(1)
				case is(err, problem.LimitReached):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 37 || refused.Load() != 63 {
			t.Errorf("%s: %d passed, %d were refused; want 37 and 63", kind, passed.Load(), refused.Load())
		}
	}
	h.sound()
}

func TestARealityCheckIsToldOnceAnHour(t *testing.T) {
	t.Parallel()
	h := open(t)
	p := h.guest("Ada")
	room := "player:" + p.ID.String()
	checks := func() int { return h.count(`SELECT count(*) FROM outbox WHERE type = 'reality_check'`) }
	on := func(minutes int) {
		ledgertest.Played(h.t, h.root(), p.ID, `session_at = session_at - $2::interval, last_at = last_at - $2::interval, check_at = check_at - $2::interval`, fmt.Sprint(minutes, " min"))
	}
	h.mustPlace(p, "a", 10, losing)
	for n := range 7 { // 10 minutes each
		on(10)
		h.mustPlace(p, key(n), 10, winning)
		if want := n / 5; checks() != want {
			t.Fatalf("%d checks after %d minutes; want %d", checks(), 10*(n+1), want)
		}
	}
	var key, body string
	var lane int16
	if err := h.root().QueryRow(t.Context(), `SELECT key, lane, body::text FROM outbox WHERE type = 'reality_check'`).Scan(&key, &lane, &body); err != nil {
		t.Fatal(err)
	}
	var args []struct {
		Seconds           int64
		Staked, Paid, Net int64
		EventID           uuid.UUID `json:"event_id"`
	}
	if err := json.Unmarshal([]byte(body), &args); err != nil || len(args) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	if a := args[0]; key != room || lane != outbox.Lane(room) || a.Seconds < 3600 || a.Seconds > 3700 || a.Staked != 70 || a.Paid != 60 || a.Net != -10 || a.EventID == uuid.Nil {
		t.Errorf("told %s in lane %d: %s", key, lane, body)
	}
	if err := protection.SetLimits(t.Context(), h.db, p.ID, nil, 15); err != nil {
		t.Fatal(err)
	}
	on(10) // 80 minutes
	h.mustPlace(p, "b", 10, winning)
	if checks() != 2 {
		t.Errorf("%d checks; want another one, at 75 minutes", checks())
	}
	on(14)
	h.mustPlace(p, "c", 10, winning)
	on(40) // a pause ends the session
	h.mustPlace(p, "d", 10, winning)
	on(14)
	h.mustPlace(p, "e", 10, winning)
	if checks() != 3 {
		t.Errorf("%d checks; want one at 90 minutes and none after 14 of the new session", checks())
	}
	h.sound()
}

func TestTheDatabaseKnowsTheLanesOfRooms(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 50 {
		room := "player:" + uuid.NewString()
		if got := h.count(`SELECT outbox_lane($1)`, room); got != int(outbox.Lane(room)) {
			t.Errorf("%s: lane %d; want %d", room, got, outbox.Lane(room))
		}
	}
}
