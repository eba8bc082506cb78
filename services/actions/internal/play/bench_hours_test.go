package play

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/players"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
)

// crowd is a desk with its players on a database of its own.
type crowd struct {
	desk   *Desk
	guests []Player
	n      atomic.Int64
}

// BenchmarkHours plays the same bets with and without counting what players have done,
// in turns on one server, and prints the median of the turns' ratios.
func BenchmarkHours(b *testing.B) {
	server := pgtest.Server(b)
	crowds := map[bool]*crowd{}
	for _, counting := range []bool{false, true} {
		pg := server.New(b)
		if !counting {
			nothing, err := os.ReadFile("bench/uncounted.sql")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := pg.AdminPool(b).Exec(b.Context(), string(nothing)); err != nil {
				b.Fatal(err)
			}
		}
		db, err := postgres.Open(b.Context(), postgres.Config{URL: pg.URL, MaxConns: 16, Budget: 90}, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		c := &crowd{desk: NewDesk(db, Options{Batch: 1, Executors: 16}, func() {})}
		defer c.desk.Close()
		for i := range 500 {
			p, err := players.Create(b.Context(), db, fmt.Sprint("player ", i))
			if err != nil {
				b.Fatal(err)
			}
			c.guests = append(c.guests, Player{ID: p.ID, Name: p.Name})
		}
		c.play(b, 1000)
		crowds[counting] = c
	}
	const turn = 500
	var ratios []float64
	b.ResetTimer()
	took := map[bool]time.Duration{}
	for n := range max(b.N/turn, 4) {
		for _, counting := range []bool{n%2 == 0, n%2 == 1} { // who is first has the other's dirt to write
			took[counting] = crowds[counting].play(b, turn)
		}
		ratios = append(ratios, float64(took[false])/float64(took[true]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-without")
}

// play plays n bets, 16 at a time, and returns how long that took.
func (c *crowd) play(b *testing.B, n int64) time.Duration {
	start := time.Now()
	last := c.n.Load() + n
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := c.n.Add(1); i <= last; i = c.n.Add(1) {
				bet, err := NewBet(c.guests[int(i)%len(c.guests)], key(int(i)), Request{"dice", "dice-1", 1, json.RawMessage(winning)}, "")
				if err == nil {
					_, err = c.desk.Place(context.Background(), bet)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
