package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/services/realtime/internal/croupier"
	"github.com/vegascore/vegascore/services/realtime/internal/lobby"
	"github.com/vegascore/vegascore/shared/identity"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// The bounds of CROUPIER_LEASE: a renewal has to have its time, and a table must not stand
// still for long.
const (
	shortestLease = 200 * time.Millisecond
	longestLease  = time.Minute
)

// tables say who plays the rounds of shared tables.
type tables struct {
	Actions  string        `env:"ACTIONS_URL"`      // base URL of the actions service; no croupier when empty
	Audience string        `env:"ACTIONS_AUDIENCE"` // of the identity tokens; the URL's host when empty
	Lease    time.Duration `env:"CROUPIER_LEASE" envDefault:"3s"`
}

// check takes a slash off the URL.
func (t *tables) check() error {
	if t.Lease < shortestLease || t.Lease > longestLease {
		return fmt.Errorf("read configuration: CROUPIER_LEASE is %s: must be %s to %s", t.Lease, shortestLease, longestLease)
	}
	if t.Actions == "" {
		return nil
	}
	u, err := url.Parse(t.Actions)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("read configuration: ACTIONS_URL is not the URL of a service")
	}
	t.Actions = strings.TrimSuffix(t.Actions, "/")
	return nil
}

// newCroupier returns nil where this container keeps no table's clock, and says why. The
// caller calls closed in the end.
func newCroupier(c config, p *peers, log *slog.Logger) (dealer *croupier.Croupier, closed func()) {
	switch {
	case c.Tables.Actions == "":
		log.Info("no ACTIONS_URL: no clocks of shared tables are kept here")
		return nil, func() {}
	case p.adapter == nil:
		log.Warn("no REDIS_URL: no clocks of shared tables are kept here")
		return nil, func() {}
	}
	way := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	return croupier.New(croupier.Options{
		URL: c.Tables.Actions, Plain: caller(way), Signed: caller(identity.For(c.Tables.Audience, way)),
		Redis: p.publish, Subscribe: p.subscribe, Logger: log, Lease: c.Tables.Lease,
	}), way.CloseIdleConnections
}

// caller follows no redirects: a token goes where it is for.
func caller(way http.RoundTripper) *http.Client {
	return &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// seats are a Presence that tells the croupier, too, who sits where on this container.
type seats struct {
	lobby.Presence
	croupier *croupier.Croupier
}

// Join implements lobby.Presence.
func (s seats) Join(room, player, name string) {
	s.Presence.Join(room, player, name)
	s.croupier.Enter(room)
}

// Leave implements lobby.Presence.
func (s seats) Leave(room, player string) {
	s.Presence.Leave(room, player)
	s.croupier.Exit(room)
}

// clocks shows what the croupier does. No label names a table.
func clocks(c *croupier.Croupier, m *telemetry.Metrics) {
	m.Read("croupier_leading", "Shared tables whose clock this container keeps.", func() float64 { return float64(c.Leading()) })
	m.Count("croupier_lease_lost_total", "Times in which this container lost the lease of a table whose clock it kept.", nil, func() float64 { return float64(c.Lost()) })
	for r := croupier.Advanced; r <= croupier.Cut; r++ {
		m.Count("croupier_advances_total", "Times in which this container asked to advance a table, by result.",
			prometheus.Labels{"result": r.String()}, func() float64 { return float64(c.Asked(r)) })
	}
}
