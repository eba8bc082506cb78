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

	"github.com/vegascore/vegascore/services/events/internal/push"
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
	metrics.MustRegister(db)
	counted := push.NewMetrics(metrics)
	state := watch(db, counted, metrics, log, c)
	routes, err := routes(c, db, verifier, counted, metrics, state, log, announce)
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
	state.WhenReady(func() { metrics.Started() })
	wg.Go(func() { state.Run(background) })
	wg.Go(func() { metrics.Export(background, c.Telemetry) }) // until then, too
	wg.Go(func() {
		if err := telemetry.ServeInternal(background, c.Telemetry.InternalAddr, telemetry.Internal(metrics.Registry, state), log); err != nil {
			end(err) // without its figures the container is not to be trusted
		}
	})

	log.Info("listening", "addr", ln.Addr().String(), "startup_ms", telemetry.Age().Milliseconds())
	err := web.Serve(ctx, web.NewServer(routes, log), ln, state.SetDraining)
	log.Info("ended")
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}
