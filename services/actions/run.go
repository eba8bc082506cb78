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

	"github.com/exaring/otelpgx"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/actions/internal/api"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/relay"
	"github.com/vegascore/vegascore/services/actions/internal/tables"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/takings"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// How a container ends, in less than 8 s: requests first, then up to 1.5 s for the
// outbox (package relay), then the spans.
const (
	// requestTime is for requests under way. A bet takes 5 s at most; who sends its
	// body more slowly than that is cut.
	requestTime = 5250 * time.Millisecond
	flushTime   = 500 * time.Millisecond
)

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
	signer, err := c.Tokens.Signer()
	if err != nil {
		return err
	}
	verifier, err := c.Tokens.Verifier()
	if err != nil {
		return err
	}
	if c.Telemetry.Endpoint != "" {
		c.Database.Tracer = otelpgx.NewTracer()
	}
	db, err := postgres.Open(ctx, c.Database, log)
	if err != nil {
		return err
	}
	defer db.Close()
	rooms, err := openRedis(c.Redis, log)
	if err != nil {
		return err
	}
	if rooms != nil {
		defer func() { _ = rooms.Close() }() // nothing is under way any more
	}

	callers, err := c.callers(ctx)
	if err != nil {
		return err
	}
	metrics := telemetry.NewMetrics()
	outlet := relay.New(db, rooms, c.Adapter, c.Facts, metrics, log)
	metrics.MustRegister(db)
	desk := play.NewDesk(db, c.Bets, outlet.Wake)
	defer desk.Close()
	book := keepBook(metrics)
	desk.Tell(book)
	functions := (&api.API{DB: db, Desk: desk, Floor: tables.New(db, desk, c.Tables, outlet.Wake), Signer: signer, Verifier: verifier, Callers: callers, TokenTTL: c.TokenTTL, Maxima: c.Bets.Maxima.Setting(), Wake: outlet.Wake}).Functions()
	state := watch(db, rooms, outlet, metrics, log, c)
	handler, err := routes(c.Target, functions, metrics, state, log, announce)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return serve(ctx, c, ln, handler, outlet, metrics, state, enlist(rooms, c, state, book, log), log)
}

// enlist returns what keeps this container on the roster until its context ends.
func enlist(rooms redis.UniversalClient, c config, state *health.Health, book *takings.Book, log *slog.Logger) func(context.Context) {
	if rooms == nil {
		return func(context.Context) {}
	}
	id := roster.NewID()
	return func(ctx context.Context) {
		roster.Keep(ctx, rooms, func() roster.Card {
			return roster.Card{ID: id, Service: c.Telemetry.Service, Revision: c.Revision, Health: state.Document(), Games: book.Played()}
		}, log)
	}
}

// openRedis returns nil when no Redis is configured: bets need none.
func openRedis(c redisconn.Config, log *slog.Logger) (redis.UniversalClient, error) {
	if c.URL == "" {
		log.Warn("no REDIS_URL: room events stay in the outbox")
		return nil, nil
	}
	return redisconn.Open(c.URL)
}

// serve runs the players' listener, the internal one, the health checks and the
// relay. All of them have ended when it returns: first the requests, then the relay,
// which so has their rows, then the rest.
func serve(ctx context.Context, c config, ln net.Listener, handler http.Handler, outlet *relay.Relay, metrics *telemetry.Metrics, state *health.Health, listed func(context.Context), log *slog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	draining, stopRelay := context.WithCancel(background)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	ready := make(chan struct{})
	state.WhenReady(func() { metrics.Started(); close(ready) })
	wg.Go(func() { state.Run(background) })
	wg.Go(func() { metrics.Export(background, c.Telemetry) }) // until then, too
	wg.Go(func() { listed(background) })
	wg.Go(func() {
		if err := telemetry.ServeInternal(background, c.Telemetry.InternalAddr, telemetry.Internal(metrics.Registry, state), log); err != nil {
			end(err) // without its figures the container is not to be trusted
		}
	})
	relayed := make(chan error, 1)
	wg.Go(func() { // ends with draining
		select { // what other containers left can wait, the start cannot
		case <-ready:
		case <-draining.Done():
		}
		relayed <- outlet.Run(draining)
	})

	log.Info("listening", "addr", ln.Addr().String(), "startup_ms", telemetry.Age().Milliseconds())
	server := web.NewServer(handler, log)
	served := make(chan struct{})
	wg.Go(func() { cut(ctx, server, served, log) })
	err := web.Serve(ctx, server, ln, state.SetDraining)
	close(served)
	stopRelay()
	if left := <-relayed; left != nil {
		log.Warn("outbox rows are left to other containers", "error", left)
	}
	log.Info("ended")
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// cut closes the connections that are still open requestTime after the end of ctx. It
// returns when served is closed or that is done.
func cut(ctx context.Context, server *http.Server, served <-chan struct{}, log *slog.Logger) {
	select {
	case <-served:
		return
	case <-ctx.Done():
	}
	select {
	case <-served:
	case <-time.After(requestTime):
		log.Warn("requests cut", "error", server.Close())
	}
}
