package sweep

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the figures of the last run and of all runs of this process. Observe may
// be called concurrently.
type Metrics struct {
	ok, imbalance, frozen, at               *prometheus.GaugeVec
	took                                    *prometheus.GaugeVec
	up, owed                                *prometheus.GaugeVec
	runs, settled, voided, sent, gone, paid *prometheus.CounterVec
}

// NewMetrics registers the figures. Their labels have few values: parts of the run,
// configured services, kinds of rows.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	return &Metrics{
		ok:        gauge("sweep_ok", "1 when the part of the last run found nothing wrong, else 0.", "part"),
		took:      gauge("sweep_duration_seconds", "How long the part of the last run took.", "part"),
		at:        gauge("sweep_finished_timestamp_seconds", "When the last run ended."),
		imbalance: gauge("ledger_imbalance", "Accounts and transfers that disagree, by the last run."),
		frozen:    gauge("ledger_frozen_accounts", "Accounts that are frozen, 100 at most."),
		up:        gauge("sweep_service_up", "1 when the service is healthy or degraded, else 0.", "service"),
		runs:      counter("sweep_runs_total", "Runs, by how they ended.", "result"),
		settled:   counter("sweep_rounds_settled_total", "Rounds that were left and played to their end."),
		voided:    counter("sweep_rounds_voided_total", "Stuck rounds that were voided."),
		sent:      counter("sweep_outbox_sent_total", "Left-over outbox rows that were sent, by sink.", "sink"),
		owed:      gauge("tournament_prizes_owed", "Prizes and refunds that cannot be paid because their accounts are frozen."),
		paid:      counter("tournament_prizes_paid_total", "Prizes and refunds of tournaments that were paid."),
		gone:      counter("sweep_pruned_total", "Rows that were pruned, by kind.", "kind"),
	}
}

// Observe takes over what a run found.
func (m *Metrics) Observe(r Result) {
	result := "ok"
	if !r.OK {
		result = "failed"
	}
	m.runs.WithLabelValues(result).Inc()
	m.at.WithLabelValues().SetToCurrentTime()
	part := func(name string, ok bool, ms int64) {
		m.ok.WithLabelValues(name).Set(figure(ok))
		m.took.WithLabelValues(name).Set(float64(ms) / 1000)
	}
	part("ledger", r.Ledger.OK, r.Ledger.TookMS)
	part("outbox", r.Outbox.OK, r.Outbox.TookMS)
	part("rounds", r.Rounds.OK, r.Rounds.TookMS)
	part("tournaments", r.Tournaments.OK, r.Tournaments.TookMS)
	part("prune", r.Pruned.OK, r.Pruned.TookMS)
	if r.Ledger.Error == "" { // else nothing new is known
		m.imbalance.WithLabelValues().Set(float64(r.Ledger.Imbalance))
		m.frozen.WithLabelValues().Set(float64(len(r.Ledger.Frozen)))
	}
	for _, s := range r.Services {
		m.up.WithLabelValues(s.URL).Set(figure(s.OK))
	}
	m.settled.WithLabelValues().Add(float64(r.Rounds.Settled))
	m.voided.WithLabelValues().Add(float64(r.Rounds.Voided))
	m.paid.WithLabelValues().Add(float64(r.Tournaments.Paid))
	m.owed.WithLabelValues().Set(float64(r.Tournaments.Owed))
	for sink, n := range r.Outbox.Sent {
		m.sent.WithLabelValues(sink).Add(float64(n))
	}
	for kind, n := range r.Pruned.Rows {
		m.gone.WithLabelValues(kind).Add(float64(n))
	}
}

func figure(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
