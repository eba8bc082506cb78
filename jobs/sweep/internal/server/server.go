package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/vegascore/vegascore/jobs/sweep/internal/console"
	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// flushTime bounds the sending of the last spans.
const flushTime = time.Second

// consoleConns are the connections of the console and the health checks; a sweep opens
// its own.
const consoleConns = 2

// Run serves until ctx ends, then ends a sweep under way, drains and returns nil. Any
// other end is an error. The log goes to w.
func Run(ctx context.Context, c Config, w io.Writer) (err error) {
	telemetryConfig := c.Sweep.Telemetry
	log := telemetryConfig.NewLogger(w)
	telemetryConfig.Logger = log
	flush, err := telemetry.Setup(ctx, telemetryConfig)
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
	pool := c.Sweep.Database
	pool.MaxConns, pool.StatementTimeout, pool.TxTimeout = consoleConns, 3*time.Second, 5*time.Second
	db, err := postgres.Open(ctx, pool, log)
	if err != nil {
		return err
	}
	defer db.Close()

	metrics := telemetry.NewMetrics()
	start := &trigger{
		verifier: verifier, observe: sweep.NewMetrics(metrics.Registry).Observe, stop: ctx,
		run: func(ctx context.Context, pass sweep.Pass) (sweep.Result, error) {
			own := c.Sweep
			own.Pass = cmp.Or(pass, own.Pass)
			return sweep.Run(ctx, own, log)
		},
	}
	list, forget, err := containers(c.Sweep.Redis)
	if err != nil {
		return err
	}
	defer func() { _ = forget() }() // nothing is under way any more
	page, err := console.New(console.Options{
		Database: db, Containers: list, Token: c.ConsoleToken, Swept: start.swept, Logger: log,
		Services: func(ctx context.Context) []console.Service { return ask(ctx, c.Sweep) },
	})
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	state := watch(db, metrics, log, c)
	return serve(ctx, c, ln, routes(start, metrics, state, log), internal(metrics, state, page), metrics, state, log)
}

// ask is what the console shows of the services.
func ask(ctx context.Context, c sweep.Config) []console.Service {
	answers := sweep.Ask(ctx, c, min(c.ServiceTimeout, 2*time.Second))
	all := make([]console.Service, len(answers))
	for i, a := range answers {
		all[i] = console.Service{URL: a.URL, TookMS: a.Took.Milliseconds(), Document: a.Document}
		if a.Err != nil {
			all[i].Error = a.Err.Error()
		}
	}
	return all
}

// containers returns what lists the containers, and what closes its connections. Without
// a Redis there is no list.
func containers(c redisconn.Config) (list func(context.Context) ([]roster.Card, error), closing func() error, err error) {
	if c.URL == "" {
		return func(context.Context) ([]roster.Card, error) { return nil, nil }, func() error { return nil }, nil
	}
	client, err := redisconn.Open(c.URL)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) ([]roster.Card, error) { return roster.List(ctx, client) }, client.Close, nil
}

// routes are the paths of the scheduler's listener.
func routes(start http.Handler, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger) http.Handler {
	mux := web.NewMux()
	mux.Handle("POST /sweep", start)
	mux.Handle("GET /live", state.Live())
	mux.Handle("GET /ready", state.Ready())
	mux.Handle("GET /health", state.Health())
	return web.Stack(web.Options{Logger: log, Registry: metrics, NoTrace: func(r *http.Request) bool { return r.URL.Path != "/sweep" }}, mux)
}

// internal is the internal listener's handler: that of every service, and the console.
func internal(metrics *telemetry.Metrics, state *health.Health, page *console.Console) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", telemetry.Internal(metrics.Registry, state))
	mux.Handle("/console/", page.Handler())
	return mux
}

// serve runs both listeners and the health checks. All have ended when it returns.
func serve(ctx context.Context, c Config, ln net.Listener, public, inside http.Handler, metrics *telemetry.Metrics, state *health.Health, log *slog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { state.Run(background) })
	wg.Go(func() { metrics.Export(background, c.Sweep.Telemetry) })
	wg.Go(func() {
		if err := telemetry.ServeInternal(background, c.Sweep.Telemetry.InternalAddr, inside, log); err != nil {
			end(err) // without its figures the container is not to be trusted
		}
	})
	log.Info("listening", "addr", ln.Addr().String(), "startup_ms", metrics.Started().Milliseconds())
	err := web.Serve(ctx, web.NewServer(public, log), ln, state.SetDraining)
	log.Info("ended")
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}
