package console

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// BenchmarkLook is one look at a database with so many rounds, 20,000 of them of the last
// hour, and 100,000 unsent rows of the outbox.
func BenchmarkLook(b *testing.B) {
	for _, c := range []struct{ name, rounds string }{{"50,000 rounds", "50000"}, {"500,000 rounds", "500000"}} {
		b.Run(c.name, func(b *testing.B) {
			database := pgtest.New(b)
			admin := database.AdminPool(b)
			for _, sql := range []string{
				`INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout, seed_id, nonce, params, answer, settled_at)
				SELECT overlay(gen_random_uuid()::text placing substr(uuid_at(now() - CASE WHEN n <= 20000 THEN n * interval '0.17 s' ELSE n * interval '1 min' END)::text, 1, 13) || '-7' from 1 for 15)::uuid,
				gen_random_uuid(), gen_random_uuid()::text, sha256(''), 'dice', 'dice-' || n % 8, 'dice/1', 'settled', 'PLAY', 100, n % 300,
				gen_random_uuid(), 0, '{}', repeat('x', 400), now() FROM generate_series(1, ` + c.rounds + `) AS n`,
				`INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT gen_random_uuid(), 'fact', n % 8, 'k', 't', '[]' FROM generate_series(1, 100000) AS n`,
				`ANALYZE`,
			} {
				if _, err := admin.Exec(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
			console, err := New(Options{
				Database: database.Pool(b), Logger: slog.New(slog.DiscardHandler), Swept: swept, Services: services, Containers: listed,
			})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			defer cancel()
			for b.Loop() {
				s := console.gather(ctx)
				if len(s.Errors) > 0 || !s.Partial || len(s.Tables) != 8 || s.Outbox[0].Unsent != 16_000 {
					b.Fatalf("%d tables, %v, %v, %v", len(s.Tables), s.Partial, s.Outbox, s.Errors)
				}
			}
		})
	}
}
