package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vegascore/vegascore/services/events/internal/push"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/postgres/check"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// watch is the health of this container. Without the database it is unhealthy, and with
// an old schema not ready; while no delivery can be handled it is degraded.
func watch(db *postgres.DB, counted *push.Metrics, metrics *telemetry.Metrics, log *slog.Logger, c config) *health.Health {
	metrics.Read("database_pool_size", "Most connections that this container may open.", func() float64 { return float64(db.Sizing().Size) })
	return health.New(health.Options{Version: c.Telemetry.Version, Logger: log, Observe: metrics.ObserveHealth, Token: c.HealthToken},
		check.Database(db, metrics.Latency("database").Observe),
		check.Schema(db, minSchema),
		received(counted),
		health.System(c.Database.MemoryMB),
	)
}

// failures is how many deliveries in a row must fail before the container is degraded:
// each comes again, and one alone tells little.
const failures = 3

// received looks at what has come from Pub/Sub.
func received(counted *push.Metrics) health.Check {
	return health.Check{
		Name: "pubsub", Local: true, Every: time.Second,
		Run: func(context.Context) error {
			if n := counted.Deliveries().InARow; n >= failures {
				return health.Because("deliveries_failing", fmt.Errorf("the last %d deliveries failed", n))
			}
			return nil
		},
		Details: func() map[string]any {
			d := counted.Deliveries()
			return map[string]any{"handled": d.Handled, "refused": d.Refused, "poison": d.Poison, "failed": d.Failed}
		},
	}
}
