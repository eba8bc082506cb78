package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/vegascore/vegascore/services/realtime/internal/croupier"
	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// The end of a container: SIGKILL follows SIGTERM after 10 s.
const (
	spread    = 2 * time.Second        // over which the sockets are closed, so that clients do not return at once
	drainTime = 6 * time.Second        // for the sockets and what is on its way to other containers
	flushTime = 500 * time.Millisecond // for spans
)

// run serves until ctx ends, then drains and returns nil. Any other end is an error.
func run(ctx context.Context, getenv func(string) string) (err error) {
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
	verifier, err := c.Tokens.Verifier()
	if err != nil {
		return err
	}
	peers, err := connect(c, log)
	if err != nil {
		return err
	}
	defer peers.close()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	rooms := socketio.New(options(c, peers, log))
	parts := lobby.Parts{Verifier: verifier, Presence: peers.presence, Chats: peers.board, Logger: log}
	dealer, closed := newCroupier(c, peers, log)
	defer closed()
	if dealer != nil {
		parts.Presence = seats{peers.presence, dealer}
	}
	hall := lobby.New(rooms.Of("/"), parts)
	peers.hall.Store(hall)
	return serve(ctx, c, ln, rooms, hall, dealer, peers, log)
}

// serve runs the players' listener, the internal one, the checks and the cluster.
// All of them have ended when it returns: first the sockets, then what they had to
// say to other containers, then the rest.
func serve(ctx context.Context, c config, ln net.Listener, rooms *socketio.Server, hall *lobby.Lobby, dealer *croupier.Croupier, peers *peers, log *slog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	metrics := telemetry.NewMetrics()
	figures(rooms, hall, peers, metrics)
	if dealer != nil {
		clocks(dealer, metrics)
		wg.Go(func() { dealer.Run(ctx) }) // to the beginning of the drain: others take the tables over
	}
	state := watch(rooms.Of("/"), hall, peers, metrics, log, c)
	state.WhenReady(func() { metrics.Started() })
	wg.Go(func() { state.Run(background) })
	wg.Go(func() { metrics.Export(background, c.Telemetry) }) // until then, too
	wg.Go(func() { hall.Run(background) })
	wg.Go(func() {
		if err := telemetry.ServeInternal(background, c.Telemetry.InternalAddr, telemetry.Internal(metrics.Registry, state), log); err != nil {
			end(err) // without its figures the container is not to be trusted
		}
	})
	if peers.publish != nil {
		id := roster.NewID()
		wg.Go(func() { // ends with background
			roster.Keep(background, peers.publish, func() roster.Card {
				own := peers.presence.Own()
				return roster.Card{
					ID: id, Service: c.Telemetry.Service, Revision: c.Revision, Health: state.Document(),
					Crowd: &roster.Crowd{Sockets: own.Sockets, Rooms: own.Rooms},
				}
			}, log)
		})
	}
	leave := peers.run(background, rooms, c.Revision, log)

	drained := sync.OnceValue(func() error { return drain(rooms) })
	log.Info("listening", "addr", ln.Addr().String(), "startup_ms", telemetry.Age().Milliseconds())
	err := web.Serve(ctx, web.NewServer(routes(rooms, metrics, state, log), log), ln, func() {
		state.SetDraining()
		wg.Go(func() { _ = drained() }) // alongside the requests; its error is taken below
	})
	err = errors.Join(err, drained())
	leave()
	log.Info("ended")
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// drain closes the sockets so that their clients connect elsewhere.
func drain(rooms *socketio.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return rooms.Shutdown(ctx, spread)
}
