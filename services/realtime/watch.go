package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// errAlone is why a container is degraded that does not hear the others.
var errAlone = errors.New("the other containers are not heard")

// settling is how long the first connection, or a new one, may take before the
// container counts as degraded.
const settling = 2 * time.Second

// watch is the health of this container. Without Redis it is degraded: it serves its
// own players as ever, and does not hear those of other containers.
func watch(ns *socketio.Namespace, hall *lobby.Lobby, p *peers, metrics *telemetry.Metrics, log *slog.Logger, c config) *health.Health {
	metrics.Read("socketio_connections", "Sockets of this container.", func() float64 { return float64(ns.Len()) })
	metrics.Read("socketio_cluster_size", "Containers that hold a lease, this one included.", func() float64 { return float64(p.presence.Cluster().Containers) })
	metrics.Read("socketio_cluster_sockets", "Sockets of all containers.", func() float64 { return float64(p.presence.Cluster().Sockets) })
	metrics.Read("socketio_cluster_rooms", "Rooms with players, on all containers.", func() float64 { return float64(p.presence.Cluster().Rooms) })
	metrics.Read("socketio_chats", "Chat messages taken since the start.", func() float64 { return float64(hall.Chats()) })
	metrics.Read("socketio_refused", "Connections and events refused since the start.", func() float64 { return float64(hall.Refused()) })
	checks := []health.Check{
		{
			Name: "socketio", Every: time.Second, Local: true, Ready: true,
			Run: func(context.Context) error { return nil }, // a container without Redis takes players too
			Details: func() map[string]any {
				all := p.presence.Cluster()
				return map[string]any{"containers": all.Containers, "sockets": all.Sockets, "rooms": all.Rooms}
			},
		},
		health.System(c.MemoryMB),
	}
	if p.adapter != nil {
		metrics.Read("socketio_forwarded", "Requests and websockets that are forwarded to or from another container now.", func() float64 { return float64(p.control.Status().Streams) })
		metrics.Read("socketio_forwarding_lost", "Times in which the way to another container was lost.", func() float64 { return float64(p.control.Status().Lost) })
		latency := metrics.Latency("redis")
		metrics.Read("socketio_dropped", "Messages that other containers did not get, or may not have got.", func() float64 { return float64(p.adapter.Status().Dropped) })
		metrics.Read("socketio_gaps", "Times in which messages of other containers may have been missed.", func() float64 { return float64(p.adapter.Status().Gaps) })
		metrics.Read("socketio_logged", "Events of this container that are in the room log.", func() float64 { return float64(p.adapter.Status().Logged) })
		metrics.Read("socketio_filled", "Events that this container had missed and read from the room log.", func() float64 { return float64(p.adapter.Status().Filled) })
		metrics.Read("socketio_delivered_alone", "Events that this container delivered before the room log had them.", func() float64 { return float64(p.adapter.Status().Alone) })
		metrics.Read("socketio_lost", "Times in which the room log could not give what was missed.", func() float64 { return float64(p.adapter.Status().Lost) })
		metrics.Read("socketio_epochs", "Times in which Redis lost the room log.", func() float64 { return float64(p.adapter.Status().Epochs) })
		checks = append(checks, health.Check{
			Name: "redis", Timeout: time.Second, Every: time.Second,
			Run: func(ctx context.Context) error {
				start := time.Now()
				if err := p.publish.Ping(ctx).Err(); err != nil {
					return err
				}
				latency.Observe(time.Since(start))
				if s := p.adapter.Status(); !s.Connected && time.Since(s.Since) > settling {
					return health.Because("redis_not_heard", errAlone)
				}
				return nil
			},
			Details: func() map[string]any {
				s := p.adapter.Status()
				details := redisconn.Details(p.publish)
				maps.Copy(details, map[string]any{"published": s.Published, "received": s.Received, "dropped": s.Dropped, "malformed": s.Malformed, "gaps": s.Gaps, "logged": s.Logged, "filled": s.Filled, "lost": s.Lost})
				return details
			},
		})
	}
	return health.New(health.Options{Version: c.Telemetry.Version, Logger: log, Observe: metrics.ObserveHealth, Token: c.HealthToken}, checks...)
}
