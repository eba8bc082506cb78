package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// watch is the health of this container: without the database it is of no use.
func watch(db *postgres.DB, metrics *telemetry.Metrics, log *slog.Logger, c Config) *health.Health {
	latency := metrics.Latency("database")
	return health.New(health.Options{Version: c.Sweep.Telemetry.Version, Logger: log, Observe: metrics.ObserveHealth},
		health.Check{
			Name: "database", Critical: true,
			Run: func(ctx context.Context) error {
				start := time.Now()
				err := db.Check(ctx)
				if err == nil {
					latency.Observe(time.Since(start))
				}
				return err
			},
			Details: func() map[string]any {
				s := db.Stat()
				return map[string]any{"poolSize": db.Sizing().Size, "open": s.TotalConns(), "busy": s.AcquiredConns()}
			},
		},
		health.Check{
			Name: "schema", Critical: true, Ready: true,
			Run: func(ctx context.Context) error {
				err := db.CheckSchema(ctx, minSchema)
				if errors.Is(err, postgres.ErrSchemaTooOld) {
					return health.Because("schema_too_old", err)
				}
				return health.Because("database_unavailable", err)
			},
			Details: func() map[string]any { return map[string]any{"minimum": minSchema} },
		},
		health.System(c.Sweep.Database.MemoryMB),
	)
}
