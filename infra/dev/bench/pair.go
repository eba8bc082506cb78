package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Pair is one way to take bets in two surroundings, which take turns.
type Pair struct {
	Name    string `json:"name"`
	Clients int    `json:"clients"`
	First   Way    `json:"first"`
	Second  Way    `json:"second"`
	// Ratio is bets per second of the second over those of the first: the median of the
	// rounds' ratios.
	Ratio float64 `json:"ratio"`
}

// pair is a Pair under measurement.
type pair struct {
	sides  [2]*way
	ratios []float64
}

// Pairs are the ways in two surroundings, and whether the money was right.
type Pairs struct {
	Rounds int    `json:"rounds"`
	Pairs  []Pair `json:"pairs"`

	// What must be 0, as in Bets.
	Unmatched  int64 `json:"unmatched"`
	WrongMoney int64 `json:"wrong_money"`
	BadLedger  int64 `json:"bad_ledger"`
}

// newPairs opens the ways over two database URLs. The caller closes them, also after an
// error.
func (b *bench) newPairs(ctx context.Context, env *environment, first, second string) ([]*pair, error) {
	var pairs []*pair
	for i := range b.ways() {
		pairs = append(pairs, &pair{sides: [2]*way{b.ways()[i], b.ways()[i]}})
		p := pairs[i]
		p.sides[0].url, p.sides[1].url = first, second
		for _, w := range p.sides {
			if err := w.open(ctx, b, env); err != nil {
				return pairs, err
			}
		}
	}
	return pairs, nil
}

func closePairs(pairs []*pair) {
	for _, p := range pairs {
		for _, w := range p.sides {
			w.close()
		}
	}
}

func warmPairs(ctx context.Context, pairs []*pair, d time.Duration) error {
	for _, p := range pairs {
		for _, w := range p.sides {
			if err := w.warm(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// run measures one round, in which the second side of every other pair is the one to
// begin: what becomes faster or slower with time so favours neither.
func (p *pair) run(ctx context.Context, env *environment, d time.Duration, round int) (err error) {
	var rates [2]float64
	for turn := range p.sides {
		i := (turn + round) % 2
		if rates[i], err = p.sides[i].run(ctx, env, d); err != nil {
			return err
		}
	}
	p.ratios = append(p.ratios, rates[1]/max(rates[0], 1e-9))
	return nil
}

// sum fills the figures in from what was run.
func (r *Pairs) sum(pairs []*pair) {
	for _, p := range pairs {
		for _, w := range p.sides {
			w.sum()
			r.WrongMoney += int64(w.clients.wrong())
		}
		r.Pairs = append(r.Pairs, Pair{
			Name: p.sides[0].Name, Clients: p.sides[0].Clients, First: p.sides[0].Way, Second: p.sides[1].Way, Ratio: median(p.ratios),
		})
	}
}

// answered counts the answered bets of one side, with those that warmed up.
func answered(pairs []*pair, side int) (n int64) {
	for _, p := range pairs {
		n += int64(p.sides[side].clients.bets())
	}
	return n
}

// check adds to r what audit finds.
func (r *Pairs) check(ctx context.Context, env *environment, name string, answered int64) error {
	unmatched, bad, err := audit(ctx, env, name, answered)
	r.Unmatched += unmatched
	r.BadLedger = max(r.BadLedger, bad)
	return err
}

// unsound says what is wrong, or nothing.
func (r *Pairs) unsound(part string) []string {
	if r.Unmatched+r.WrongMoney+r.BadLedger == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d unmatched, %d times wrong money, bad ledger: %d", part, r.Unmatched, r.WrongMoney, r.BadLedger)}
}

func (r *Pairs) write(w io.Writer, first, second string) {
	for _, p := range r.Pairs {
		fmt.Fprintf(w, "  %s, %d clients: %s to %s %.2f\n", p.Name, p.Clients, second, first, p.Ratio)
		for i, side := range []Way{p.First, p.Second} {
			fmt.Fprintf(w, "    %-14s %8.0f bets/s; p50 %.1f ms, p99 %.1f ms; %s; %d refused as busy\n",
				[]string{first, second}[i], side.PerSecond, ms(side.P50), ms(side.P99), side.cost(), side.Refused)
		}
	}
	fmt.Fprintf(w, "  unmatched %d, wrong money %d, bad ledger %d\n", r.Unmatched, r.WrongMoney, r.BadLedger)
}
