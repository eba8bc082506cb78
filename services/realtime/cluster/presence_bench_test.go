package cluster

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// BenchmarkPresence says what a room of 5,000 players on one container costs: to write
// all of it, to renew its lease, to take one more socket in, and to count it.
func BenchmarkPresence(b *testing.B) {
	const crowd = 5000
	client, err := redisconn.Open(redistest.New(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	p := NewPresence(client, PresenceOptions{}, slog.New(slog.DiscardHandler))
	for i := range crowd {
		p.Join("r", fmt.Sprint("player ", i), "A player")
	}
	write := func(b *testing.B) {
		if err := p.write(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	write(b)
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			p.Refresh()
			write(b)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/crowd, "µs/player")
	})
	b.Run("renew", func(b *testing.B) {
		for b.Loop() {
			p.extend()
			write(b)
		}
	})
	b.Run("join", func(b *testing.B) {
		for b.Loop() {
			p.Join("r", "player 1", "A player")
			write(b)
		}
	})
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			if err := p.look(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Count(b.Context(), "r"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("who", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Who(b.Context(), "r", 100); err != nil {
				b.Fatal(err)
			}
		}
	})
}
