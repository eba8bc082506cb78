package bench

import (
	"context"
	"fmt"
	"io"

	"github.com/vegascore/vegascore/shared/localbouncer"
)

// Pooler is how bets fare through PgBouncer in transaction mode, next to those without.
type Pooler struct {
	Pairs

	// pgbench without the pooler, with prepared statements, and through it, where there
	// can be none.
	Pgbench        float64 `json:"pgbench_bets_per_second"`
	PgbenchThrough float64 `json:"pgbench_through_bets_per_second"`

	// Of each pair's bets through the pooler: to pgbench without it, and to pgbench
	// through it; medians of the rounds' ratios.
	ToPgbench        []float64 `json:"to_pgbench"`
	ToPgbenchThrough []float64 `json:"to_pgbench_through"`
}

// pooler measures in turn. The pooler has as many connections as the bets one by one
// have clients.
func (b *bench) pooler(ctx context.Context, env *environment) (*Pooler, error) {
	const name, sqlName = "by_pooler", "sql_by_pooler"
	url, err := env.database(ctx, name)
	if err != nil {
		return nil, err
	}
	sqlURL, err := env.database(ctx, sqlName)
	if err != nil {
		return nil, err
	}
	var through [2]*localbouncer.Server
	for i, url := range []string{url, sqlURL} {
		if through[i], err = localbouncer.Start(ctx, env.dir, url, b.clients); err != nil {
			return nil, err
		}
		defer func() { _ = through[i].Stop(context.WithoutCancel(ctx)) }() // its figures are taken
	}
	peer, err := b.newPgbench(ctx, sqlURL)
	if err != nil {
		return nil, err
	}
	peerThrough := *peer
	peerThrough.url, peerThrough.mode = through[1].URL(), "extended"
	pairs, err := b.newPairs(ctx, env, url, through[0].URL())
	defer closePairs(pairs)
	if err != nil {
		return nil, err
	}
	if err := warmPairs(ctx, pairs, b.betsWarmUp); err != nil {
		return nil, err
	}
	if _, err := peer.run(ctx, b.betsWarmUp); err != nil {
		return nil, err
	}
	if err := analyze(ctx, env, name, sqlName); err != nil {
		return nil, err
	}
	r := &Pooler{Pairs: Pairs{Rounds: b.rounds}}
	var peers, peersThrough []float64
	for round := range b.rounds {
		rate, err := peer.run(ctx, b.roundTime)
		if err != nil {
			return nil, err
		}
		peers = append(peers, rate)
		peerThrough.last = peer.last
		if rate, err = peerThrough.run(ctx, b.roundTime); err != nil {
			return nil, err
		}
		peersThrough = append(peersThrough, rate)
		peer.last = peerThrough.last
		for _, p := range pairs {
			if err := p.run(ctx, env, b.roundTime, round); err != nil {
				return nil, err
			}
		}
		b.say("bets through PgBouncer, round %d of %d", round+1, b.rounds)
	}
	r.Pgbench, r.PgbenchThrough = median(peers), median(peersThrough)
	r.sum(pairs)
	for _, p := range pairs {
		r.ToPgbench = append(r.ToPgbench, median(ratios(p.sides[1].rates, peers)))
		r.ToPgbenchThrough = append(r.ToPgbenchThrough, median(ratios(p.sides[1].rates, peersThrough)))
	}
	return r, r.check(ctx, env, name, answered(pairs, 0)+answered(pairs, 1))
}

func ratios(of, to []float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i] / max(to[i], 1e-9)
	}
	return all
}

func (r *Pooler) write(w io.Writer) {
	fmt.Fprintf(w, "\nThrough PgBouncer in transaction mode, medians of %d rounds in turn\n", r.Rounds)
	r.Pairs.write(w, "without", "through")
	fmt.Fprintf(w, "  pgbench with the same SQL: without %.0f bets/s, through %.0f (no prepared statements)\n", r.Pgbench, r.PgbenchThrough)
	for i, p := range r.Pairs.Pairs {
		fmt.Fprintf(w, "  over HTTP through it, %s: %.2f of pgbench without it, %.2f of pgbench through it\n", p.Name, r.ToPgbench[i], r.ToPgbenchThrough[i])
	}
}
