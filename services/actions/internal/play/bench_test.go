package play

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/players"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
)

// BenchmarkPlace plays single bets of 500 players, 16 at a time, on a server that
// syncs its log. Its peer is bench/bet.sql: the same statements from pgbench.
func BenchmarkPlace(b *testing.B) {
	db, err := postgres.Open(b.Context(), postgres.Config{URL: pgtest.Server(b).New(b).URL, MaxConns: 16, Budget: 90}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	desk := NewDesk(db, Options{}, func() {})
	defer desk.Close()
	var guests []Player
	for i := range 500 {
		p, err := players.Create(b.Context(), db, fmt.Sprint("player ", i))
		if err != nil {
			b.Fatal(err)
		}
		guests = append(guests, Player{ID: p.ID, Name: p.Name})
	}
	var n atomic.Int64
	b.SetParallelism(8) // times GOMAXPROCS
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			bet, err := NewBet(guests[i%len(guests)], key(i), Request{"dice", "dice-1", 1, json.RawMessage(winning)}, "")
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := desk.Place(context.Background(), bet); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bets/s")
}
