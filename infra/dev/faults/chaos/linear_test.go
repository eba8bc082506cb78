package chaos_test

import (
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/vegascore/vegascore/infra/dev/faults/chaos"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// checkTime bounds the check of one history, which takes milliseconds.
const checkTime = 2 * time.Minute

// Everything that clients hear of an account fits some order of what they asked for, in
// which nothing is later than its answer or sooner than its question: bets at two
// containers at once, reads, refusals, and keys that are sent again because the outcome
// was unknown, while containers and sessions of PostgreSQL are killed.
func TestEachAccountIsLinearizable(t *testing.T) {
	t.Parallel()
	times := 1
	if soak() {
		times = 20
	}
	floor := chaos.Open(t, 2)
	var operations, unknown, strikes int
	for range times {
		r := record(t, floor, 10)
		idle := floor.Crowd(t, 2, everybody) // whose gaps tell that the kills were felt
		idle.Play(t, 1_000_000)
		done := make(chan struct{})
		go func() { // ends with the clients
			defer close(done)
			r.run(40)
			idle.Stop()
		}()
		storm := floor.Storm(idle, 2*time.Second,
			chaos.Strike{Name: "container", Do: floor.KillContainer}, chaos.Strike{Name: "session of PostgreSQL", Do: floor.KillBackend})
		<-done
		idle.Judge(t, nil)
		history := r.whole()
		for _, odd := range r.odd {
			t.Error(odd)
		}
		if got := porcupine.CheckOperationsTimeout(account(r.start), history, checkTime); got != porcupine.Ok {
			t.Errorf("a history of %d operations is %s", len(history), got)
		}
		operations, unknown, strikes = operations+len(history), unknown+r.unknown, strikes+storm.Strikes()
		if t.Failed() {
			break
		}
	}
	t.Logf("%d operations on %d accounts, %d attempts with unknown outcome, %d kills", operations, 10*times, unknown, strikes)
	if unknown == 0 {
		t.Error("no outcome was unknown")
	}
}

// A history that was fine is no longer so with one lie more.
func TestLiesInAHistoryAreFound(t *testing.T) {
	t.Parallel()
	r := record(t, chaos.OpenOn(t, pgtest.New(t), 2), 4)
	r.run(20)
	history := r.whole()
	check := func(more ...porcupine.Operation) porcupine.CheckResult {
		return porcupine.CheckOperationsTimeout(account(r.start), append(slices.Clone(history), more...), checkTime)
	}
	if got := check(); got != porcupine.Ok || len(r.odd) > 0 {
		t.Fatalf("the true history is %s, odd in it %q", got, r.odd)
	}
	final := r.accounts[0].player.Balance(t)
	var last call // a bet of account 0 that was played and changed what is there
	for _, op := range history {
		if c := op.Input.(call); c.account == 0 && op.Output.(heard).what == played && c.effect.delta != 0 {
			last = c
		}
	}
	if last.stake == 0 {
		t.Fatal("account 0 has played nothing")
	}
	end := r.now()
	tell := func(c call, h heard) porcupine.Operation {
		c.account = 0
		return porcupine.Operation{Input: c, Output: h, Call: end, Return: end + 1}
	}
	read := call{key: reading}
	again := last
	again.key = 63 // a key that nobody has used
	again.effect.after = final + last.effect.delta
	for name, lie := range map[string]struct {
		op   porcupine.Operation
		want porcupine.CheckResult
	}{
		"no lie":                       {tell(read, heard{balanceIs, final}), porcupine.Ok},
		"a stale balance":              {tell(read, heard{balanceIs, final - last.effect.delta}), porcupine.Illegal},
		"a payout that came twice":     {tell(read, heard{balanceIs, final + last.effect.delta}), porcupine.Illegal},
		"a bet that is played again":   {tell(last, heard{played, last.effect.after}), porcupine.Illegal},
		"a replay of what never was":   {tell(again, heard{replayed, again.effect.after}), porcupine.Illegal},
		"a refusal with enough money":  {tell(call{key: 62, stake: 1}, heard{refused, final}), porcupine.Illegal},
		"a refusal of another balance": {tell(call{key: 62, stake: 1 << 40}, heard{refused, final + 1}), porcupine.Illegal},
	} {
		if got := check(lie.op); got != lie.want {
			t.Errorf("%s: %s; want %s", name, got, lie.want)
		}
	}
}

// Without the lock of the account two containers answer from the same balance. (Where
// that would end below zero, the schema stops them.)
func TestAnAccountThatIsNotLockedIsFound(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	floor := chaos.OpenOn(t, pg, 2)
	mutate(t, pg, "ledger_lock", "FOR NO KEY UPDATE", "")
	for attempt := 1; ; attempt++ {
		r := record(t, floor, 10)
		r.run(30)
		got := porcupine.CheckOperationsTimeout(account(r.start), r.whole(), checkTime)
		if got == porcupine.Illegal {
			return
		}
		if attempt == 20 {
			t.Fatalf("histories without locks are %s", got)
		}
	}
}
