package load

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Report is what a run saw.
type Report struct {
	Players int           `json:"players"`
	Tables  int           `json:"tables"`
	Took    time.Duration `json:"took_ns"` // of the betting

	Bets          int64          `json:"bets"` // answered
	BetsPerSecond float64        `json:"bets_per_second"`
	P50           time.Duration  `json:"p50_ns"`
	P90           time.Duration  `json:"p90_ns"`
	P99           time.Duration  `json:"p99_ns"`
	Max           time.Duration  `json:"max_ns"`
	Errors        map[string]int `json:"errors"` // attempts that failed, by code

	Deliveries          int64         `json:"deliveries"` // round and balance events received
	DeliveriesPerSecond float64       `json:"deliveries_per_second"`
	LagP50              time.Duration `json:"lag_p50_ns"` // settled to received, if the clocks agree
	LagP99              time.Duration `json:"lag_p99_ns"`
	Lost                int           `json:"lost"` // over all sockets
	Duplicated          int           `json:"duplicated"`
	Unordered           int           `json:"out_of_order"`
	WrongMoney          int           `json:"wrong_money"` // answers, events and final balances
	Gaps                int64         `json:"gaps"`        // sockets that were cut; they count for no loss

	// CPU is what the realtime containers used, in seconds; CPUErr says why it is
	// unknown.
	CPU    float64 `json:"cpu_seconds"`
	CPUErr error   `json:"-"`
}

// ErrUnsound says that the platform lost, repeated or mixed up events, or money.
var ErrUnsound = errors.New("the platform did not keep its word")

// Err is ErrUnsound, with the figures, or nil.
func (r *Report) Err() error {
	if r.Lost+r.Duplicated+r.Unordered+r.WrongMoney == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d lost, %d duplicated, %d out of order, %d times wrong money", ErrUnsound, r.Lost, r.Duplicated, r.Unordered, r.WrongMoney)
}

// report judges what the players saw, after their sockets have ended.
func (r *run) report(took time.Duration, cpu float64, cpuErr error) *Report {
	seconds := max(took.Seconds(), 1e-9)
	rep := &Report{
		Players: r.opts.Players, Tables: r.opts.Tables, Took: took,
		Bets: r.bets.Load(), BetsPerSecond: float64(r.bets.Load()) / seconds,
		P50: r.answers.Quantile(0.5), P90: r.answers.Quantile(0.9), P99: r.answers.Quantile(0.99), Max: r.answers.Max(),
		Deliveries: r.deliveries.Load(), DeliveriesPerSecond: float64(r.deliveries.Load()) / seconds,
		LagP50: r.lag.Quantile(0.5), LagP99: r.lag.Quantile(0.99),
		Gaps: r.gaps.Load(), CPU: cpu, CPUErr: cpuErr, Errors: r.errors,
	}
	rounds := map[*table][]string{}
	for _, p := range r.players {
		rounds[p.ear.table] = append(rounds[p.ear.table], p.purse.rounds...)
	}
	for _, p := range r.players {
		rep.Duplicated += p.ear.duplicated
		rep.Unordered += p.ear.unordered
		if p.whole.Load() {
			rep.Lost += p.ear.missed(rounds[p.ear.table])
		}
		money := p.purse.judge(p.whole.Load())
		rep.Lost += money.lost
		rep.Duplicated += money.duplicated
		rep.Unordered += money.unordered
		rep.WrongMoney += money.wrong
	}
	return rep
}

// Write prints the report for people.
func (r *Report) Write(w io.Writer) {
	fmt.Fprintf(w, "\n%d players at %d tables, %.1f s of bets\n", r.Players, r.Tables, r.Took.Seconds())
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-14s "+format+"\n", append([]any{name}, args...)...)
	}
	line("bets", "%d answered, %.0f/s", r.Bets, r.BetsPerSecond)
	line("latency", "p50 %s, p90 %s, p99 %s, max %s", short(r.P50), short(r.P90), short(r.P99), short(r.Max))
	line("deliveries", "%d, %.0f/s; settled to received p50 %s, p99 %s", r.Deliveries, r.DeliveriesPerSecond, short(r.LagP50), short(r.LagP99))
	line("lost", "%d", r.Lost)
	line("duplicated", "%d", r.Duplicated)
	line("out of order", "%d", r.Unordered)
	line("wrong money", "%d", r.WrongMoney)
	line("gaps", "%d sockets were cut and came back", r.Gaps)
	if len(r.Errors) == 0 {
		line("errors", "none")
	}
	for _, code := range slices.Sorted(maps.Keys(r.Errors)) {
		line("error", "%s: %d", code, r.Errors[code])
	}
	switch {
	case r.CPUErr != nil:
		line("CPU", "unknown: %v", r.CPUErr)
	case r.Deliveries == 0:
		line("CPU", "%.2f s of the realtime containers, no deliveries", r.CPU)
	default:
		line("CPU", "%.2f s of the realtime containers, %.1f µs per delivery", r.CPU, r.CPU/float64(r.Deliveries)*1e6)
	}
}
