package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/internal/chat"
	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/services/realtime/internal/spans"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
)

// peers is the connection to the other containers. Without a Redis there is no
// adapter, and the container works alone.
type peers struct {
	publish, subscribe redis.UniversalClient
	adapter            *cluster.Redis
	control            *cluster.Control
	drains             chan cluster.Drain // the latest message that was not obeyed yet
	presence           *cluster.Presence
	board              *chat.Board
	hall               atomic.Pointer[lobby.Lobby] // what presence is told of, and counts
}

// connect does not wait for Redis.
func connect(c config, log *slog.Logger) (*peers, error) {
	p := &peers{}
	opts := cluster.PresenceOptions{
		Changed: func(ch cluster.Change) {
			if hall := p.hall.Load(); hall != nil {
				hall.Changed(ch)
			}
		},
		Sockets: func() int {
			if hall := p.hall.Load(); hall != nil {
				return hall.Len()
			}
			return 0
		},
	}
	if c.Redis.URL == "" {
		log.Warn("no REDIS_URL: players of other containers are not reached")
		p.presence, p.board = cluster.NewPresence(nil, opts, log), chat.New(nil, chat.Options{}, log)
		return p, nil
	}
	var err error
	if p.publish, p.subscribe, err = redisconn.OpenPair(c.Redis.URL); err != nil {
		return nil, err
	}
	p.presence, p.board = cluster.NewPresence(p.publish, opts, log), chat.New(p.publish, chat.Options{}, log)
	to := cluster.Options{
		Window: c.Recovery,
		OnGap:  func(cluster.Gap) { p.presence.Refresh() },
		OnLoss: func(string) {
			p.presence.Refresh()
			if hall := p.hall.Load(); hall != nil {
				hall.Lost()
			}
		},
	}
	if c.Adapter.Sharded() {
		p.adapter = cluster.NewSharded(p.publish, p.subscribe, c.Adapter, to, log)
	} else {
		p.adapter = cluster.NewRedis(p.publish, p.subscribe, to, log)
	}
	p.drains = make(chan cluster.Drain, 1)
	p.control = cluster.NewControl(p.publish, p.subscribe, cluster.ControlOptions{OnDrain: p.asked}, log)
	return p, nil
}

// run starts to listen to the others. leave ends that: after the drain, so that
// what the sockets had to say is sent first.
func (p *peers) run(ctx context.Context, rooms *socketio.Server, revision string, log *slog.Logger) (leave func()) {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	// Presence publishes that the players have left, so it ends before the adapter.
	leases, stopLeases := context.WithCancel(ctx)
	left := make(chan struct{})
	wg.Go(func() { p.presence.Run(leases); close(left) })
	if p.adapter != nil {
		wg.Go(func() { p.adapter.Run(ctx) })
		wg.Go(func() { p.control.Run(ctx) })
		wg.Go(func() { p.obey(ctx, rooms, revision, log) })
	}
	return func() {
		stopLeases()
		<-left
		stop()
		wg.Wait()
	}
}

func (p *peers) close() {
	if p.adapter != nil {
		_ = p.publish.Close() // what was to be sent has been
		_ = p.subscribe.Close()
	}
}

// options configure the Socket.IO server.
func options(c config, p *peers, log *slog.Logger) socketio.Options {
	opts := socketio.Options{Logger: log, Recovery: c.Recovery, Engine: engineio.Options{Transports: c.Transports, Origins: c.Origins, Logger: log}}
	c.Limits.apply(&opts.Engine, c.Hops)
	if p.adapter != nil {
		opts.Engine.Forwarder = p.control
		opts.Adapter = p.adapter
		if c.Telemetry.Endpoint != "" {
			opts.Adapter = spans.Adapter(p.adapter)
		}
	}
	return opts
}
