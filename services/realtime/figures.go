package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// figures shows what becomes of clients: who could go on, who was too slow, who met a
// limit. Watch shows the cluster. No label depends on what clients send.
func figures(rooms *socketio.Server, hall *lobby.Lobby, p *peers, m *telemetry.Metrics) {
	m.Read("socketio_redis_degraded", "1 while this container does not hear the others, or is not heard, and serves its own players alone; else 0.", func() float64 {
		if p.adapter == nil {
			return 0 // it is meant to be alone
		}
		if s := p.adapter.Status(); !s.Connected && time.Since(s.Since) > settling {
			return 1
		}
		return 0
	})
	recoveries := func(result string, of func() uint64) {
		m.Count("socketio_recoveries_total", "Clients that asked to go on where they stopped, by result: recovered, or failed, who began afresh.",
			prometheus.Labels{"result": result}, func() float64 { return float64(of()) })
	}
	recoveries("recovered", func() uint64 { n, _ := rooms.Recoveries(); return n })
	recoveries("failed", func() uint64 { _, n := rooms.Recoveries(); return n })

	m.Count("socketio_slow_consumers_total", "Connections cut because their clients read too slowly.", nil, func() float64 { return float64(rooms.Tally().Slow) })
	limit := func(name string, of func() uint64) {
		m.Count("socketio_rate_limited_total", "What was refused or cut by a limit, by limit.",
			prometheus.Labels{"limit": name}, func() float64 { return float64(of()) })
	}
	engine := func(of func(engineio.Tally) uint64) func() uint64 {
		return func() uint64 { return of(rooms.Tally()) }
	}
	limit("handshakes", engine(func(t engineio.Tally) uint64 { return t.Handshakes }))
	limit("address_handshakes", engine(func(t engineio.Tally) uint64 { return t.AddressPace }))
	limit("address_sockets", engine(func(t engineio.Tally) uint64 { return t.AddressCrowded }))
	limit("socket_traffic", engine(func(t engineio.Tally) uint64 { return t.Floods }))
	limit("player_sockets", func() uint64 { n, _, _ := hall.Limited(); return n })
	limit("events", func() uint64 { _, n, _ := hall.Limited(); return n })
	limit("chat", func() uint64 { _, _, n := hall.Limited(); return n })
}
