package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/services/realtime/internal/spans"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
)

// peers is the connection to the other containers. Without a Redis it is empty, and
// the container works alone.
type peers struct {
	publish, subscribe *redis.Client
	adapter            *cluster.Redis
	leases             *cluster.Presence
	presence           lobby.Presence
	changed            atomic.Pointer[func(cluster.Change)]
}

// connect does not wait for Redis.
func connect(c config, log *slog.Logger) (*peers, error) {
	p := &peers{}
	opts := cluster.PresenceOptions{Changed: func(ch cluster.Change) {
		if tell := p.changed.Load(); tell != nil {
			(*tell)(ch)
		}
	}}
	if c.Redis.URL == "" {
		log.Warn("no REDIS_URL: players of other containers are not reached")
		p.presence = newAlone(opts.Changed)
		return p, nil
	}
	var err error
	if p.publish, p.subscribe, err = redisconn.OpenPair(c.Redis.URL); err != nil {
		return nil, err
	}
	p.leases = cluster.NewPresence(p.publish, opts, log)
	p.presence = p.leases
	p.adapter = cluster.NewRedis(p.publish, p.subscribe, cluster.Options{OnGap: func(cluster.Gap) { p.leases.Refresh() }}, log)
	return p, nil
}

// told sets who is told of presence changes.
func (p *peers) told(f func(cluster.Change)) { p.changed.Store(&f) }

// run starts to listen to the others. leave ends that: after the drain, so that
// what the sockets had to say is sent first.
func (p *peers) run(ctx context.Context) (leave func()) {
	if p.adapter == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	// Presence publishes that the players have left, so it ends before the adapter.
	leases, stopLeases := context.WithCancel(ctx)
	left := make(chan struct{})
	wg.Go(func() { p.leases.Run(leases); close(left) })
	wg.Go(func() { p.adapter.Run(ctx) })
	return func() {
		stopLeases()
		<-left
		stop()
		wg.Wait()
	}
}

func (p *peers) close() {
	if p.adapter != nil {
		p.publish.Close()
		p.subscribe.Close()
	}
}

// options configure the Socket.IO server.
func options(c config, p *peers, log *slog.Logger) socketio.Options {
	opts := socketio.Options{Logger: log, Engine: engineio.Options{Transports: c.Transports, Origins: c.Origins, Logger: log}}
	if p.adapter != nil {
		opts.Adapter = p.adapter
		if c.Telemetry.Endpoint != "" {
			opts.Adapter = spans.Adapter(p.adapter)
		}
	}
	return opts
}
