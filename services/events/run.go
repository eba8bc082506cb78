package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// flushTime bounds what is left to do after the last request: sending spans.
const flushTime = time.Second

// run serves until ctx ends, then drains and returns nil. Any other end is an error.
func run(ctx context.Context, getenv func(string) string, announce register) (err error) {
	c, err := readConfig(getenv)
	if err != nil {
		return err
	}
	log := c.Telemetry.NewLogger(os.Stderr)
	c.Telemetry.Logger = log
	flush, err := telemetry.Setup(ctx, c.Telemetry)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		err = errors.Join(err, flush(ctx))
	}()
	verifier, err := auth.NewPushVerifier(ctx, c.Push)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c.Database, log)
	if err != nil {
		return err
	}
	defer db.Close()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}

	metrics := telemetry.NewMetrics()
	state := watch(db, metrics, log, c)
	routes, err := routes(c, db, verifier, metrics, state, log, announce)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	return serve(ctx, c, ln, routes, metrics, state, log)
}

// serve runs the listener of Pub/Sub, the internal one and the health checks. All
// three have ended when it returns.
func serve(ctx context.Context, c config, ln net.Listener, routes http.Handler, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	// Probes and scrapes go on while requests drain, so these two end after that.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { state.Run(background) })
	wg.Go(func() {
		if err := telemetry.ServeInternal(background, c.Telemetry.InternalAddr, telemetry.Internal(metrics.Registry, state), log); err != nil {
			end(err) // without its figures the container is not to be trusted
		}
	})

	log.Info("listening", "addr", ln.Addr().String(), "startup_ms", metrics.Started().Milliseconds())
	err := web.Serve(ctx, web.NewServer(routes, log), ln, state.SetDraining)
	log.Info("ended")
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// watch is the health of this container.
func watch(db *postgres.DB, metrics *telemetry.Metrics, log *slog.Logger, c config) *health.Health {
	metrics.Read("database_pool_size", "Most connections that this container may open.", func() float64 { return float64(db.Sizing().Size) })
	latency := metrics.Latency("database")
	return health.New(health.Options{Version: c.Telemetry.Version, Logger: log, Observe: metrics.ObserveHealth, Token: c.HealthToken},
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
			Details: db.Details,
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
		health.System(c.Database.MemoryMB),
	)
}
