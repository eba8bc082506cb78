package push

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Outcomes of deliveries beside those of the inbox.
const (
	refused = "refused" // the token is missing or wrong
	poison  = "poison"  // can never be handled
	failed  = "failed"  // not now; it comes again
)

// Metrics counts deliveries.
type Metrics struct {
	mu   sync.Mutex
	last Deliveries

	deliveries *prometheus.CounterVec
	lag        *prometheus.HistogramVec
}

// NewMetrics registers the figures of deliveries.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "event_deliveries_total",
			Help: "Push deliveries by function and outcome: applied, duplicate, ignored, refused, poison, failed.",
		}, []string{"function", "outcome"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "event_lag_seconds",
			Help:    "Time from the event to its committed effect.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 600},
		}, []string{"function"}),
	}
	reg.MustRegister(m.deliveries, m.lag)
	return m
}

func (m *Metrics) count(function, outcome string) {
	m.deliveries.WithLabelValues(function, outcome).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch outcome {
	case refused: // anybody can send those
		m.last.Refused++
	case poison:
		m.last.Poison++
	case failed:
		m.last.Failed++
		m.last.InARow++
	default:
		m.last.Handled++
		m.last.InARow = 0
	}
}

// Deliveries counts those of all functions since the start.
type Deliveries struct {
	Handled int64 // also duplicates, and events that are none of ours
	Refused int64 // their token is missing or wrong
	Poison  int64 // they can never be handled
	Failed  int64 // they come again
	InARow  int64 // failed since the last that was handled
}

// Deliveries returns the counts.
func (m *Metrics) Deliveries() Deliveries {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

func (m *Metrics) late(function string, lag time.Duration) {
	m.lag.WithLabelValues(function).Observe(lag.Seconds())
}
