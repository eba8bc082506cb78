package postgres

import "github.com/prometheus/client_golang/prometheus"

var (
	connectionsDesc = prometheus.NewDesc("database_pool_connections", "Connections of this container by state: in_use, idle, opening.", []string{"state"}, nil)
	waitsDesc       = prometheus.NewDesc("database_pool_waits_total", "Times in which a caller had to wait for a connection.", nil, nil)
	waitTimeDesc    = prometheus.NewDesc("database_pool_wait_seconds_total", "How long callers waited, together.", nil, nil)
	refusedDesc     = prometheus.NewDesc("database_pool_refused_total", "Times in which a caller got no connection in time.", nil, nil)
)

// Describe implements prometheus.Collector.
func (db *DB) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connectionsDesc, waitsDesc, waitTimeDesc, refusedDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector: the pool's figures, without a query.
func (db *DB) Collect(to chan<- prometheus.Metric) {
	s := db.Stat()
	for state, n := range map[string]int32{"in_use": s.AcquiredConns(), "idle": s.IdleConns(), "opening": s.ConstructingConns()} {
		to <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(n), state)
	}
	to <- prometheus.MustNewConstMetric(waitsDesc, prometheus.CounterValue, float64(s.EmptyAcquireCount()))
	to <- prometheus.MustNewConstMetric(waitTimeDesc, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds())
	to <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(s.CanceledAcquireCount()))
}
