package bench

import (
	"fmt"
	"io"
	"slices"
)

// goal is one of those that the bets were designed by. All but one are ratios of the
// same run, because absolute figures belong to a machine.
type goal struct {
	what  string
	got   float64
	want  float64
	least bool // or most
	unit  string
}

func (g goal) reached() bool {
	if g.least {
		return g.got >= g.want
	}
	return g.got <= g.want
}

// goals are those of the parts that ran.
func (r *Result) goals() (all []goal) {
	if b := r.Bets; b != nil {
		single, crowd := b.way(oneByOne), b.way(together)
		all = append(all,
			goal{"over HTTP together, of pgbench", crowd.Ratio, 1.7, true, ""},
			goal{"over HTTP one by one, of pgbench", single.Ratio, 0.5, true, ""},
			goal{fmt.Sprintf("p99 of %d clients together", crowd.Clients), ms(crowd.P99), 25, false, " ms"},
			goal{"p99 of one alone, together to one by one", float64(crowd.AloneP99) / max(float64(single.AloneP99), 1), 1.1, false, ""},
		)
	}
	if p := r.Pooler; p != nil {
		for i, want := range []float64{0.5, 1.7} {
			all = append(all, goal{"through PgBouncer " + p.Pairs.Pairs[i].Name + ", of pgbench through it", p.ToPgbenchThrough[i], want, true, ""})
		}
	}
	if g := r.Growth; g != nil {
		for _, p := range g.Pairs.Pairs {
			all = append(all, goal{fmt.Sprintf("%d ledger rows to %d, %s", g.Large, g.Small, p.Name), p.Ratio, 0.9, true, ""})
		}
	}
	return all
}

func (b *Bets) way(name string) Way {
	return b.Ways[slices.IndexFunc(b.Ways, func(w Way) bool { return w.Name == name })]
}

func (r *Result) writeGoals(w io.Writer) {
	goals := r.goals()
	if len(goals) == 0 {
		return
	}
	fmt.Fprintf(w, "\nGoals of the bets\n")
	for _, g := range goals {
		sign, word := "at least", "reached"
		if !g.least {
			sign = "at most"
		}
		if !g.reached() {
			word = "NOT reached"
		}
		fmt.Fprintf(w, "  %-60s %8.2f%s  %s %.2f%s: %s\n", g.what, g.got, g.unit, sign, g.want, g.unit, word)
	}
}
