package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// Fault 36: the key of a bet comes again with another body, here, at another container
// and after the first one was killed.
func TestAKeyWithAnotherBodyHasNoEffect(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	actions := p.Service("actions")
	other := p.Another(t, "actions")
	ada, bob := platform.Guest(t, actions.URL, "Ada"), platform.Guest(t, actions.URL, "Bob")
	var told []oracle.Bet
	refused := 0
	for n := range times(2) {
		key := fmt.Sprint("k", n)
		round, _ := ada.MustBet(t, key, 100)
		theirs, _ := bob.MustBet(t, key, 100) // a key is a player's own
		told = append(told, oracle.Bet{Player: ada.ID, Key: key, Round: round.ID}, oracle.Bet{Player: bob.ID, Key: key, Round: theirs.ID})
		ask := func(where string, at *platform.Player) {
			t.Helper()
			for change, value := range map[string]any{
				"stake": 101, "table": "dice-2", "params": map[string]any{"direction": "over", "target": 5000},
			} {
				body := platform.Wager(100)
				body[change] = value
				answer, err := at.Do(t.Context(), http.MethodPost, "/v1/bets", key, body)
				if err != nil {
					t.Fatal(err)
				}
				if answer.Status != http.StatusUnprocessableEntity || answer.Code() != "key_reused" {
					t.Errorf("%s, another %s: %d %s", where, change, answer.Status, answer.Body)
				}
				refused++
			}
			if again, answer := at.MustBet(t, key, 100); again != round || answer.Header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("%s: the same body: %+v, want %+v", where, again, round)
			}
		}
		ask("at once", ada)
		ask("at another container", ada.At(other))
		if err := actions.Halt(); err != nil {
			t.Fatal(err)
		}
		if err := actions.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		ask("after kill -9", ada)
		if got := ada.Balance(t); got != round.Balance {
			t.Errorf("balance %d, want %d", got, round.Balance)
		}
	}
	report := judgeBets(t, p, told)
	t.Logf("%d requests with a used key and another body: effects %d", refused, report.Unasked)
}

// Fault 37: one key comes 100 times at once, at two containers.
func TestOneKeyAHundredWaysIsOneBet(t *testing.T) {
	t.Parallel()
	const ways = 100
	p := platform.Start(t, stack.Options{})
	ada := platform.Guest(t, p.Service("actions").URL, "Ada")
	doors := []*platform.Player{ada, ada.At(p.Another(t, "actions"))}
	var told []oracle.Bet
	for n := range times(2) {
		key := fmt.Sprint("k", n)
		answers, errs := make([]platform.Answer, ways), make([]error, ways)
		var wg sync.WaitGroup
		for i := range ways {
			wg.Go(func() { answers[i], errs[i] = doors[i%2].Bet(t.Context(), key, 1) }) // one request
		}
		wg.Wait()
		firsts := 0
		for i, answer := range answers {
			if errs[i] != nil || answer.Status != http.StatusCreated || !bytes.Equal(answer.Body, answers[0].Body) {
				t.Errorf("way %d: %d %s, %v", i, answer.Status, answer.Body, errs[i])
			}
			if answer.Header.Get("Idempotent-Replayed") == "" {
				firsts++
			}
		}
		if firsts != 1 {
			t.Errorf("%d of %d answers are no replay, want 1", firsts, ways)
		}
		round, _ := ada.MustBet(t, key, 1)
		told = append(told, oracle.Bet{Player: ada.ID, Key: key, Round: round.ID})
	}
	report := judgeBets(t, p, told)
	t.Logf("%d keys, each %d ways at once at two containers: %d rounds", len(told), ways, report.Rounds)
}
