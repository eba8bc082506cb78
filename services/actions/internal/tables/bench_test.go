package tables

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/play"
)

// BenchmarkSettle settles a round of roulette with 2,000 bets of 20 players: from the time
// at which the result is due until everybody has it.
func BenchmarkSettle(b *testing.B) {
	h := open(b)
	var guests []play.Player
	for n := range 20 {
		guests = append(guests, h.guest(fmt.Sprint("Player ", n)))
	}
	var taking, settling time.Duration
	for n := range b.N {
		h.advance(at)
		h.admin(`UPDATE table_rounds SET locks_at = locks_at + interval '1 h' WHERE state = 'open'`)
		began := time.Now()
		var wg sync.WaitGroup
		for _, p := range guests {
			wg.Go(func() {
				for k := range mostOfOne {
					if _, err := h.bet(p, fmt.Sprint("k", n, "-", k), at, 1, `{"bet":"red"}`); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		taking += time.Since(began)
		h.pass(at)
		h.advance(at)
		h.pass(at)
		began = time.Now()
		for h.advance(at).State != Settled {
		}
		settling += time.Since(began)
		h.pass(at)
	}
	b.ReportMetric(float64(taking.Milliseconds())/float64(b.N), "ms/2000-bets-taken")
	b.ReportMetric(float64(settling.Milliseconds())/float64(b.N), "ms/settled")
	b.ReportMetric(0, "ns/op")
}

// mostOfOne is how many bets one player has here.
const mostOfOne = play.MostBets
