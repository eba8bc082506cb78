package bench

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrUnsound says that something was lost, repeated or mixed up, or that money is
// wrong: figures of such a run are worth nothing.
var ErrUnsound = errors.New("the figures are not sound")

// Err is ErrUnsound with what is wrong, or nil.
func (r *Result) Err() error {
	var wrong []string
	for _, f := range r.Fanout {
		if f.Lost+f.Duplicated+f.Unordered != 0 {
			wrong = append(wrong, fmt.Sprintf("%s with %s: %d lost, %d duplicated, %d out of order", f.Scenario, f.Server, f.Lost, f.Duplicated, f.Unordered))
		}
		if f.Deliveries == 0 {
			wrong = append(wrong, fmt.Sprintf("%s with %s: no deliveries", f.Scenario, f.Server))
		}
	}
	for _, t := range r.Tracing {
		if t.WrongMoney != 0 {
			wrong = append(wrong, fmt.Sprintf("tracing, %s exported: %d times wrong money", t.Exported, t.WrongMoney))
		}
	}
	for _, p := range r.Pools {
		if p.WrongMoney != 0 {
			wrong = append(wrong, fmt.Sprintf("pool of %d: %d times wrong money", p.Size, p.WrongMoney))
		}
	}
	if r.Growth != nil {
		wrong = append(wrong, r.Growth.unsound("growth")...)
	}
	if r.Pooler != nil {
		wrong = append(wrong, r.Pooler.unsound("through PgBouncer")...)
	}
	if r.Prune != nil {
		wrong = append(wrong, r.Prune.unsound()...)
	}
	if b := r.Bets; b != nil && b.Unmatched+b.WrongMoney+b.BadLedger != 0 {
		wrong = append(wrong, fmt.Sprintf("bets: %d unmatched, %d times wrong money, bad ledger: %d", b.Unmatched, b.WrongMoney, b.BadLedger))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnsound, strings.Join(wrong, "; "))
}

// Write prints the figures for people.
func (r *Result) Write(w io.Writer) {
	if r.Bets != nil {
		r.Bets.write(w)
	}
	if r.Pooler != nil {
		r.Pooler.write(w)
	}
	if r.Growth != nil {
		r.Growth.write(w)
	}
	if r.Prune != nil {
		r.Prune.write(w)
	}
	r.writeGoals(w)
	if len(r.Starts) > 0 {
		bare := r.Starts[0].Median
		fmt.Fprintf(w, "\nStart, exec to /ready, %d cold processes each\n", r.Starts[0].Attempts)
		fmt.Fprintf(w, "  %-10s %10s %10s %10s %10s\n", "", "median", "best", "worst", "to bare")
		for _, s := range r.Starts {
			fmt.Fprintf(w, "  %-10s %7.1f ms %7.1f ms %7.1f ms %9.1fx\n", s.Service, ms(s.Median), ms(s.Best), ms(s.Worst), float64(s.Median)/float64(bare))
		}
	}
	if len(r.Pools) > 0 {
		r.writePools(w)
	}
	if len(r.Tracing) > 0 {
		r.writeTracing(w)
	}
	if len(r.Probes) > 0 {
		r.writeProbes(w)
	}
	if len(r.Connections) > 0 {
		r.writeConnections(w)
	}
	if len(r.Fanout) > 0 {
		fmt.Fprintf(w, "\nBroadcasts, %d-byte messages; lost, repeated and out of order are counted\n", frameBytes)
		r.writeFanout(w)
	}
}

func (r *Result) writePools(w io.Writer) {
	fmt.Fprintf(w, "\nPool, %d clients each, %s more for each write to PostgreSQL, medians of rounds in turn\n", r.Pools[0].Clients, networkDelay)
	fmt.Fprintf(w, "  %-18s %10s %10s %10s %12s %14s %8s\n", "", "bets/s", "p50", "p99", "503 busy", "p99 of those", "to one")
	for _, p := range r.Pools {
		name := fmt.Sprintf("%d by hand", p.Size)
		if p.Chosen {
			name = fmt.Sprintf("%d as chosen", p.Size)
		}
		fmt.Fprintf(w, "  %-18s %10.0f %7.1f ms %7.1f ms %12d %11.1f ms %7.1fx\n", name, p.PerSecond, ms(p.P50), ms(p.P99), p.Refused, ms(p.RefusedP99), p.PerSecond/max(r.Pools[0].PerSecond, 1e-9))
	}
}

func (r *Result) writeProbes(w io.Writer) {
	fmt.Fprintf(w, "\nProbes while PostgreSQL and Redis hang, %d at once, %d times; the bare server asks nobody\n", r.Probes[0].AtOnce, r.Probes[0].Bursts)
	fmt.Fprintf(w, "  %-10s %10s %10s %10s\n", "", "p50", "p99", "worst")
	for _, p := range r.Probes {
		fmt.Fprintf(w, "  %-10s %7.1f ms %7.1f ms %7.1f ms\n", p.Service, ms(p.P50), ms(p.P99), ms(p.Worst))
	}
}

func (r *Result) writeConnections(w io.Writer) {
	fmt.Fprintf(w, "\nConnections: %d that say nothing, medians of %d rounds in turn\n", r.Connections[0].Connections, r.Connections[0].Rounds)
	fmt.Fprintf(w, "  %-18s %14s %14s %14s\n", "", "KiB each", "CPU ms each", "connects/s")
	for _, c := range r.Connections {
		fmt.Fprintf(w, "  %-18s %14.1f %14.3f %14.0f\n", c.Server, c.KiB, c.CPU, c.PerSecond)
	}
}

func (r *Result) writeFanout(w io.Writer) {
	fmt.Fprintf(w, "  %-3s %-10s %13s %13s %10s %10s %6s %6s %6s\n", "", "", "deliveries/s", "CPU s/million", "p50", "p99", "lost", "dup", "order")
	peer := map[string]Fanout{}
	for _, f := range r.Fanout {
		peer[f.Scenario] = f // the last of a scenario is the peer
	}
	var ratios []string
	for _, f := range r.Fanout {
		used := "unknown"
		if f.CPU >= 0 {
			used = fmt.Sprintf("%.2f", f.CPU)
		}
		fmt.Fprintf(w, "  %-3s %-10s %13.0f %13s %7.1f ms %7.1f ms %6d %6d %6d\n",
			f.Scenario, f.Server, f.PerSecond, used, ms(f.P50), ms(f.P99), f.Lost, f.Duplicated, f.Unordered)
		p := peer[f.Scenario]
		if f.Server == p.Server {
			continue
		}
		if f.CPU > 0 && p.CPU > 0 {
			used = fmt.Sprintf("%.2f", f.CPU/p.CPU)
		}
		ratios = append(ratios, fmt.Sprintf("  %s: %s; %s to %s: deliveries/s %.2f, CPU %s\n", f.Scenario, f.About, f.Server, p.Server, f.PerSecond/max(p.PerSecond, 1e-9), used))
	}
	fmt.Fprint(w, strings.Join(ratios, ""))
}
