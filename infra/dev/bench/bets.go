package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/localpg"
)

// Bets are the figures of bets over HTTP next to pgbench with the same SQL: medians
// over the rounds, in which they take turns.
type Bets struct {
	Rounds  int     `json:"rounds"`
	Ways    []Way   `json:"ways"`
	Pgbench float64 `json:"pgbench_bets_per_second"`

	// What must be 0: answered bets without a round and the other way round,
	// balances in answers that are not the player's own arithmetic, and 1 if the
	// ledger does not add up.
	Unmatched  int64 `json:"unmatched"`
	WrongMoney int64 `json:"wrong_money"`
	BadLedger  int64 `json:"bad_ledger"`
}

// bets measures. The services relay nothing meanwhile, as pgbench does not: outbox
// rows stay where they are in both databases.
func (b *bench) bets(ctx context.Context, env *environment) (*Bets, error) {
	peer, err := b.newPgbench(ctx, env.sqlURL)
	if err != nil {
		return nil, err
	}
	ways := b.ways()
	for _, text := range b.Try {
		ways = append(ways, tried(text, b.crowd))
	}
	for _, w := range ways {
		defer w.close()
		if err := w.open(ctx, b, env); err != nil {
			return nil, err
		}
	}
	if err := b.warm(ctx, env, ways, peer); err != nil {
		return nil, err
	}
	result := &Bets{Rounds: b.rounds}
	var sqls []float64
	for round := range b.rounds {
		sql, err := peer.run(ctx, b.roundTime)
		if err != nil {
			return nil, err
		}
		sqls = append(sqls, sql)
		for _, w := range ways {
			profiled := b.profileBets(ctx, round, w)
			rate, err := w.run(ctx, env, b.roundTime)
			if err := errors.Join(err, profiled()); err != nil {
				return nil, err
			}
			b.say("bets, round %d: %.0f/s %s, %.0f/s with pgbench", round+1, rate, w.Name, sql)
			w.ratios = append(w.ratios, rate/sql)
		}
		if err := b.alone(ctx, env, ways); err != nil {
			return nil, err
		}
	}
	result.Pgbench = median(sqls)
	answered := 0
	for _, w := range ways {
		w.sum()
		result.Ways = append(result.Ways, w.Way)
		result.WrongMoney += int64(w.clients.wrong())
		answered += w.clients.bets()
	}
	result.Unmatched, result.BadLedger, err = audit(ctx, env, httpName, int64(answered))
	return result, err
}

// alone has one client of each way bet while nobody else does, in short turns.
func (b *bench) alone(ctx context.Context, env *environment, ways []*way) error {
	for range turnsAlone {
		for _, w := range ways {
			if err := w.alone(ctx, env, b.roundTime/turnsAlone/2); err != nil {
				return err
			}
		}
	}
	return nil
}

// turnsAlone are so many in each round that a slow moment meets all ways.
const turnsAlone = 4

// warm plays some bets both ways and tells the planner what the tables hold: plans
// that were made on empty tables would stay.
func (b *bench) warm(ctx context.Context, env *environment, ways []*way, peer *pgbench) error {
	for _, w := range ways {
		if err := w.warm(ctx, b.betsWarmUp); err != nil {
			return err
		}
	}
	if _, err := peer.run(ctx, b.betsWarmUp); err != nil {
		return err
	}
	return analyze(ctx, env, httpName, sqlName)
}

// analyze tells the planner what the tables hold.
func analyze(ctx context.Context, env *environment, names ...string) error {
	for _, name := range names {
		if err := onDatabase(ctx, env, name, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "ANALYZE")
			return err
		}); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

// audit compares how many bets were answered with the rounds that are in a database, and
// adds its ledger up. bad is 1 when that does not come out.
func audit(ctx context.Context, env *environment, name string, answered int64) (unmatched, bad int64, err error) {
	err = onDatabase(ctx, env, name, func(conn *pgx.Conn) error {
		var rounds int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM rounds WHERE state = 'settled'").Scan(&rounds); err != nil {
			return fmt.Errorf("count the rounds: %w", err)
		}
		unmatched = max(rounds-answered, answered-rounds)
		report, err := ledger.Verify(ctx, conn)
		if err == nil && !report.OK() {
			bad = 1
		}
		return err
	})
	return unmatched, bad, err
}

func (r *Bets) write(w io.Writer) {
	fmt.Fprintf(w, "\nBets, fsync on, medians of %d rounds in turn\n", r.Rounds)
	for _, v := range r.Ways {
		fmt.Fprintf(w, "  over HTTP, %-14s %8.0f bets/s  %5.2f of pgbench; %d clients: p50 %.1f ms, p99 %.1f ms; one alone: p50 %.1f ms, p99 %.1f ms; %s; %d refused as busy\n",
			v.Name, v.PerSecond, v.Ratio, v.Clients, ms(v.P50), ms(v.P99), ms(v.AloneP50), ms(v.AloneP99), v.cost(), v.Refused)
	}
	fmt.Fprintf(w, "  pgbench with the same SQL %8.0f bets/s\n", r.Pgbench)
	fmt.Fprintf(w, "  unmatched %d, wrong money %d, bad ledger %d\n", r.Unmatched, r.WrongMoney, r.BadLedger)
}

// cost is what a bet costs, as text.
func (w Way) cost() string {
	text := fmt.Sprintf("%.0f bytes of WAL a bet", w.WAL)
	if w.CPU >= 0 {
		text += fmt.Sprintf("; CPU for 1,000 bets: %.0f ms, and %.0f ms of PostgreSQL", w.CPU, w.PostgresCPU)
	}
	return text
}

// onDatabase runs f as the superuser.
func onDatabase(ctx context.Context, env *environment, name string, f func(*pgx.Conn) error) error {
	url, err := localpg.WithDatabase(env.postgres.URL("postgres"), name)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	return f(conn)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
