package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/chaos"
)

// recorder notes what the clients of some accounts asked and heard, and when.
type recorder struct {
	t     *testing.T
	floor *chaos.Floor
	began time.Time
	start int64 // balance of an account

	mu       sync.Mutex
	accounts []*watched
	history  []porcupine.Operation
	unknown  int // attempts
	odd      []string
}

// watched is an account with the keys that its clients use.
type watched struct {
	player *platform.Player
	n      int
	stakes []int64                      // by key
	bodies map[int]string               // the answer of a key
	doubt  map[int]*porcupine.Operation // of a key, since the first attempt with an unknown outcome
}

func record(t *testing.T, floor *chaos.Floor, accounts int) *recorder {
	t.Helper()
	r := &recorder{t: t, floor: floor, began: time.Now()}
	for n := range accounts {
		p := platform.Guest(t, floor.Address(), fmt.Sprint("Player ", n))
		r.start = p.Start
		r.accounts = append(r.accounts, &watched{player: p, n: n, bodies: map[int]string{}, doubt: map[int]*porcupine.Operation{}})
	}
	return r
}

func (r *recorder) now() int64 { return int64(time.Since(r.began)) }

// run has three clients at each account do so many things each, and returns when they have.
func (r *recorder) run(things int) {
	var wg sync.WaitGroup
	for _, a := range r.accounts {
		for range 3 {
			wg.Go(func() {
				for range things {
					r.something(a)
				}
			})
		}
	}
	wg.Wait()
}

// something is a read, a bet under a new key, or a bet that was sent before.
func (r *recorder) something(a *watched) {
	r.mu.Lock()
	key, keys := reading, len(a.stakes)
	switch dice := rand.IntN(10); {
	case dice < 6 && keys < 64:
		key = keys
		a.stakes = append(a.stakes, 5_000+rand.Int64N(60_000))
	case dice < 8 && keys > 0:
		key = rand.IntN(keys)
	}
	r.mu.Unlock()
	for first := true; !r.try(a, key, first); first = false {
		<-time.After(rand.N(20 * time.Millisecond))
	}
}

// try sends one request, and says whether its outcome is known.
func (r *recorder) try(a *watched, key int, first bool) bool {
	ctx := context.Background()
	if first && rand.IntN(4) == 0 { // hangs up
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, rand.N(10*time.Millisecond))
		defer cancel()
	}
	player := a.player.At(r.floor.Address())
	op := porcupine.Operation{Input: call{account: a.n, key: key}, Call: r.now()}
	var got platform.Answer
	var err error
	if key == reading {
		got, err = player.Do(ctx, http.MethodGet, "/v1/me", "", nil)
	} else {
		r.mu.Lock()
		stake := a.stakes[key]
		r.mu.Unlock()
		op.Input = call{account: a.n, key: key, stake: stake}
		got, err = player.Bet(ctx, "key-"+strconv.Itoa(key), stake)
	}
	op.Return = r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody was asked
		return false
	case err != nil || got.Status == http.StatusServiceUnavailable:
		r.unknown++
		if a.doubt[key] == nil && key != reading {
			// It may be played at any time from now on. Later attempts at the same key add
			// nothing: it is played once at most.
			op.Output, op.Return = heard{what: nothing}, math.MaxInt64
			a.doubt[key] = &op
		}
		return false
	}
	op.Output = r.understand(a, key, got)
	r.history = append(r.history, op)
	return true
}

// wonder notes an answer that should not be.
func (r *recorder) wonder(format string, args ...any) {
	r.odd = append(r.odd, fmt.Sprintf(format, args...))
}

// understand reads an answer.
func (r *recorder) understand(a *watched, key int, got platform.Answer) heard {
	var body struct {
		Balance int64 // of a read
		Round   platform.Round
		Detail  string // of a refusal
	}
	if err := json.Unmarshal(got.Body, &body); err != nil {
		r.wonder("%d %s: %v", got.Status, got.Body, err)
	}
	switch {
	case key == reading && got.Status == http.StatusOK:
		return heard{balanceIs, body.Balance}
	case got.Status == http.StatusCreated:
		if before, again := a.bodies[key]; again && before != string(got.Body) {
			r.wonder("key %d has two answers: %s and %s", key, before, got.Body)
		}
		a.bodies[key] = string(got.Body)
		if got.Header.Get("Idempotent-Replayed") != "" {
			return heard{replayed, body.Round.Balance}
		}
		return heard{played, body.Round.Balance}
	case got.Code() == "insufficient_funds":
		text := strings.TrimSuffix(strings.TrimPrefix(body.Detail, "The balance is "), ".")
		balance, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			r.wonder("a refusal says %q", body.Detail)
		}
		return heard{refused, balance}
	}
	r.wonder("key %d: %d %s", key, got.Status, got.Body)
	return heard{what: nothing}
}

// whole is the history with the effects of the bets, which are known by now: every key
// was sent until its outcome was known.
func (r *recorder) whole() []porcupine.Operation {
	r.t.Helper()
	all := r.history
	for _, a := range r.accounts {
		for key, op := range a.doubt {
			if a.bodies[key] != "" { // else it was refused in the end, and so never played
				all = append(all, *op)
			}
		}
	}
	for i := range all {
		c := all[i].Input.(call)
		text := r.accounts[c.account].bodies[c.key]
		if c.key == reading || text == "" {
			continue
		}
		var body struct{ Round platform.Round }
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			r.t.Fatal(err)
		}
		c.effect = effect{body.Round.Payout - body.Round.Stake, body.Round.Balance}
		all[i].Input = c
	}
	return all
}
