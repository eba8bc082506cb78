package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/actions/internal/relay"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/postgres/check"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// oldRow is the age of an unsent outbox row from which the container is degraded.
const oldRow = 30 * time.Second

// watch is the health of this container. Without the database it is unhealthy, and
// with an old schema not ready; without Redis, or with rows that wait too long for
// their sink, it is degraded: bets are taken as ever.
func watch(db *postgres.DB, rooms redis.UniversalClient, outlet *relay.Relay, metrics *telemetry.Metrics, log *slog.Logger, c config) *health.Health {
	metrics.Read("database_pool_size", "Most connections that this container may open.", func() float64 { return float64(db.Sizing().Size) })
	checks := []health.Check{
		check.Database(db, metrics.Latency("database").Observe),
		check.Schema(db, minSchema),
		backlog(db, metrics),
		publishing(outlet),
		health.System(c.Database.MemoryMB),
	}
	if rooms != nil {
		checks = append(checks, health.Check{
			Name: "redis", Timeout: time.Second, Every: time.Second,
			Run:     timed(metrics.Latency("redis"), func(ctx context.Context) error { return rooms.Ping(ctx).Err() }),
			Details: func() map[string]any { return redisconn.Details(rooms) },
		})
	}
	return health.New(health.Options{Version: c.Telemetry.Version, Logger: log, Observe: metrics.ObserveHealth, Token: c.HealthToken}, checks...)
}

// backlog looks at what waits in the outbox, of all containers.
func backlog(db *postgres.DB, metrics *telemetry.Metrics) health.Check {
	var unsent, oldest atomic.Int64
	waiting(metrics, func() (int64, time.Duration) { return unsent.Load(), time.Duration(oldest.Load()) * time.Millisecond })
	return health.Check{
		Name: "outbox",
		Run: func(ctx context.Context) error {
			n, age, err := outbox.Depth(ctx, db)
			if err != nil {
				return err
			}
			unsent.Store(n)
			oldest.Store(age.Milliseconds())
			if age > oldRow {
				return health.Because("outbox_behind", fmt.Errorf("%d rows wait, the oldest for %s", n, age.Round(time.Second)))
			}
			return nil
		},
		Details: func() map[string]any { return map[string]any{"unsent": unsent.Load(), "oldest_ms": oldest.Load()} },
	}
}

// publishing looks at how facts go to Pub/Sub. It sends nothing by itself: while no bet
// is played there is nothing to tell, and rows that wait are the outbox's matter.
func publishing(outlet *relay.Relay) health.Check {
	return health.Check{
		Name: "pubsub", Local: true, Every: time.Second,
		Run: func(context.Context) error { return health.Because("pubsub_unavailable", outlet.Publishing().Err) },
		Details: func() map[string]any {
			p := outlet.Publishing()
			var failing int64
			if !p.Since.IsZero() {
				failing = time.Since(p.Since).Milliseconds()
			}
			return map[string]any{"sent": p.Sent, "failing_ms": failing}
		},
	}
}

// timed observes the latency of the runs that succeed.
func timed(latency *telemetry.Quantile, run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		start := time.Now()
		err := run(ctx)
		if err == nil {
			latency.Observe(time.Since(start))
		}
		return err
	}
}
