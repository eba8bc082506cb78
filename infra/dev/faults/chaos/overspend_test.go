package chaos_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/chaos"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// hopeless is a bet on a roll below 0.10, which the seed pair of calm and "client" does
// not have for the nonces 0 to 299.
var hopeless = map[string]any{"direction": "under", "target": 10}

const calm = "0000000000000000000000000000000000000000000000000000000000000055"

// Many bets come at once to two containers, and the balance affords some of them: exactly
// those are taken, whichever they are.
func TestParallelBetsSpendExactlyWhatIsThere(t *testing.T) {
	t.Parallel()
	repetitions := 50
	if soak() {
		repetitions = 1_000
	}
	for nonce := range uint64(300) {
		if fair.NewStream(calm, "client", nonce).Intn(10_001) < 10 {
			t.Fatalf("nonce %d wins", nonce)
		}
	}
	pg := pgtest.New(t)
	oracle.Watch(t, pg)
	floor := chaos.OpenOn(t, pg, 2)
	taken := 0
	for n := range repetitions {
		affordable := []int{1, 2, 3, 7, 10, 20}[n%6]
		stake, bets := int64(100_000/affordable), affordable+5+n%20
		ada := platform.Guest(t, floor.Address(), "Ada")
		execute(t, pg, `UPDATE seeds SET server_seed = '`+calm+`', server_hash = '`+fair.Hash(calm)+`', client_seed = 'client'
			WHERE state = 'active' AND player_id = '`+ada.ID+`'`)
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		for i := range bets {
			at := ada.At(floor.Containers[i%2].URL)
			wg.Go(func() { // ends with one answer that is not busy
				answer := platform.Answer{Status: http.StatusServiceUnavailable}
				var err error
				for err == nil && answer.Status == http.StatusServiceUnavailable {
					answer, err = at.Do(t.Context(), http.MethodPost, "/v1/bets", "k"+strconv.Itoa(i),
						map[string]any{"game": "dice", "table": "dice-1", "stake": stake, "params": hopeless})
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[strconv.Itoa(answer.Status)+answer.Code()]++
			})
		}
		wg.Wait()
		left := 100_000 - int64(affordable)*stake
		if got["201"] != affordable || got["422insufficient_funds"] != bets-affordable || ada.Balance(t) != left {
			t.Fatalf("%d bets of %d at once: %v, balance %d; want %d taken and %d left", bets, stake, got, ada.Balance(t), affordable, left)
		}
		taken += affordable
	}
	t.Logf("%d times: %d bets taken, exactly what was affordable each time", repetitions, taken)
}
