package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/vegascore/vegascore/shared/health"
)

// loaded is as near to the start of the process as a program can see.
var loaded = time.Now()

// Metrics is a service's registry with the figures that every service has. Its
// names are those of the alert rules; times are in milliseconds there.
type Metrics struct {
	*prometheus.Registry

	startup prometheus.Gauge
	once    sync.Once
	status  *prometheus.GaugeVec
	slowest prometheus.Gauge

	mu   sync.Mutex
	took map[string]time.Duration // by component
}

// NewMetrics returns a registry with the process's and Go's own figures,
// startup_time and the figures of health checks.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		startup:  Gauge("startup_time", "Milliseconds from the start of the program until it was ready; 0 before."),
		slowest:  Gauge("health_check_latency", "Milliseconds that the slowest health check took last time."),
		status: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "health_check_status", Help: "1 for the status that the component has, 0 for the others.",
		}, []string{"component", "status"}),
		took: make(map[string]time.Duration),
	}
	m.MustRegister(m.startup, m.slowest, m.status,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// Gauge returns an unregistered gauge.
func Gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

// Age is the time since the start of the program.
func Age() time.Duration { return time.Since(loaded) }

// Started sets startup_time, at the first call, and returns it. Call it when the
// container is ready.
func (m *Metrics) Started() time.Duration {
	took := Age()
	m.once.Do(func() { m.startup.Set(ms(took)) })
	return took
}

// Read registers a gauge that is read by calling f at each scrape, for figures
// that are kept elsewhere (socketio_cluster_size, database_pool_size). f must
// not block.
func (m *Metrics) Read(name, help string, f func() float64) {
	m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// Count is Read for a figure that only grows. Its name ends in _total.
func (m *Metrics) Count(name, help string, labels prometheus.Labels, f func() float64) {
	m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, f))
}

// Latency registers <component>_latency_p50, and the histogram
// <component>_latency_seconds, which can be added up over containers. It returns where
// to observe both.
func (m *Metrics) Latency(component string) *Quantile {
	q := NewQuantile()
	q.all = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: component + "_latency_seconds", Help: "Time of a health check's answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 2},
	})
	m.MustRegister(q.all)
	m.Read(component+"_latency_p50", "Median latency in milliseconds over the last minutes; NaN without traffic.", q.P50)
	return q
}

// ObserveHealth is for health.Options.Observe.
func (m *Metrics) ObserveHealth(component string, status health.Status, took time.Duration) {
	for _, s := range []health.Status{health.Healthy, health.Degraded, health.Unhealthy} {
		value := 0.0
		if s == status {
			value = 1
		}
		m.status.WithLabelValues(component, string(s)).Set(value)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.took[component] = took
	var slowest time.Duration
	for _, d := range m.took {
		slowest = max(slowest, d)
	}
	m.slowest.Set(ms(slowest))
}
