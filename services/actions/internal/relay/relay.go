// Package relay runs the outbox's two drainers in a container: room events to Redis
// and facts to Pub/Sub. Neither of the two is needed for a bet: while one is away, or
// not configured, its rows wait in the database.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
	"github.com/vegascore/vegascore/shared/outbox/roomsink"
)

// lastRows bounds the drain at the end of a container. What it does not send, other
// containers do.
const lastRows = 1500 * time.Millisecond

// roomPause is the longest pause between attempts at Redis: players wait for what they
// see, and all of it is to be out 2 s after Redis is back.
const roomPause = 500 * time.Millisecond

// Relay sends what this service commits. Its methods may be called concurrently, Run
// once.
type Relay struct {
	drainers []*outbox.Drainer
	facts    *factSender
	emitter  *broadcast.Emitter // nil without Redis
}

// New returns a relay. A nil client leaves the room events in the outbox; adapter is
// that of the servers that listen on it.
func New(db outbox.Database, client redis.UniversalClient, adapter broadcast.Adapter, facts factsink.Config, reg prometheus.Registerer, log *slog.Logger) *Relay {
	delay := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "outbox_delay_seconds",
		Help:    "Age of the oldest row of each batch when it was sent, by sink.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
	}, []string{"sink"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "outbox_sent_total", Help: "Rows sent, by sink."}, []string{"sink"})
	reg.MustRegister(delay, sent)
	observe := func(sink outbox.Sink) outbox.Options {
		age, rows := delay.WithLabelValues(string(sink)), sent.WithLabelValues(string(sink))
		return outbox.Options{Observe: func(n int, oldest time.Duration) {
			rows.Add(float64(n))
			age.Observe(oldest.Seconds())
		}}
	}
	r := &Relay{facts: &factSender{config: facts}}
	if client != nil {
		r.emitter = broadcast.New(client, broadcast.Options{Adapter: adapter})
		rooms := roomsink.New(r.emitter, log)
		opts := observe(outbox.Room)
		opts.MaxBackoff = roomPause
		r.drainers = append(r.drainers, outbox.NewDrainer(db, outbox.Room, rooms, opts, log))
	}
	r.drainers = append(r.drainers, outbox.NewDrainer(db, outbox.Fact, r.facts, observe(outbox.Fact), log))
	return r
}

// Wake says that rows were committed. It never blocks.
func (r *Relay) Wake() {
	for _, d := range r.drainers {
		d.Wake()
	}
}

// Publishing tells how sending to Pub/Sub goes.
func (r *Relay) Publishing() Publishing { return r.facts.publishing() }

// Run drains until ctx ends, then once more, so that what the last requests have
// committed does not wait for another container, and closes the connection to
// Pub/Sub. An error says which rows that last drain has left behind.
func (r *Relay) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if r.emitter != nil {
		wg.Go(func() { r.emitter.Keep(ctx) }) // until ctx ends
	}
	for _, d := range r.drainers {
		wg.Go(func() { d.Run(ctx) }) // until ctx ends
	}
	wg.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRows)
	defer cancel()
	errs := make([]error, len(r.drainers))
	for i, d := range r.drainers {
		wg.Go(func() {
			if _, err := d.Drain(last); err != nil {
				errs[i] = fmt.Errorf("last drain of the outbox: %w", err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), r.facts.close())
}
