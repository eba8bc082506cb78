package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
	"github.com/vegascore/vegascore/shared/localpg"
)

// Prune is how bets fare while what is old goes, by the functions and in the batches of
// jobs/sweep.
type Prune struct {
	Clients int      `json:"clients"`
	Kinds   []Pruned `json:"kinds"`

	// What must be 0, as in Bets.
	Unmatched  int64 `json:"unmatched"`
	WrongMoney int64 `json:"wrong_money"`
	BadLedger  int64 `json:"bad_ledger"`
}

// Pruned is the pruning of one kind of rows.
type Pruned struct {
	Kind string `json:"kind"`
	// Rows are those that went, or were changed, by themselves and beside bets.
	Rows int64 `json:"rows"`
	// Half of them went while nobody bet.
	Seconds   float64 `json:"seconds_alone"`
	PerSecond float64 `json:"rows_per_second_alone"`
	WAL       float64 `json:"wal_bytes_per_row"`
	// The other half beside bets.
	Beside     float64       `json:"rows_per_second_beside"`
	Bets       float64       `json:"bets_per_second"`
	BetsBeside float64       `json:"bets_per_second_beside"`
	Ratio      float64       `json:"ratio"` // of the bets, median over the turns
	P99        time.Duration `json:"p99_ns"`
	P99Beside  time.Duration `json:"p99_beside_ns"`
	WorstBatch time.Duration `json:"worst_batch_ns"`
	Left       int64         `json:"left"` // old rows that are still there; must be 0
}

// pruneBatch is that of jobs/sweep.
const pruneBatch = 1000

// prune fills a database with old rows and prunes them.
func (b *bench) prune(ctx context.Context, env *environment) (*Prune, error) {
	const name = "pruned"
	url, err := env.database(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = env.drop(context.WithoutCancel(ctx), name) }() // goes with the server, if not now
	b.say("filling a database with %d old rows of each kind", b.Old)
	filled, err := b.fill(ctx, env, name, 2*b.Old+accounts, 60*24*time.Hour, 40*24*time.Hour)
	if err != nil {
		return nil, err
	}
	if err := b.age(ctx, env, name); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("prune: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	w := &way{Way: Way{Name: together, Clients: b.crowd}, url: url}
	defer w.close()
	if err := w.open(ctx, b, env); err != nil {
		return nil, err
	}
	if err := w.warm(ctx, b.betsWarmUp); err != nil {
		return nil, err
	}
	r := &Prune{Clients: b.crowd}
	for _, kind := range kinds {
		p, err := b.pruneKind(ctx, env, w, conn, kind)
		if err != nil {
			return nil, fmt.Errorf("prune %s: %w", kind.name, err)
		}
		b.say("pruned %s: %.0f rows/s alone; bets beside %.2f of those without", p.Kind, p.PerSecond, p.Ratio)
		r.Kinds = append(r.Kinds, p)
	}
	r.WrongMoney = int64(w.clients.wrong())
	r.Unmatched, r.BadLedger, err = audit(ctx, env, name, int64(w.clients.bets())+filled.rounds)
	return r, err
}

// pruneKind prunes half of a kind, then some beside bets in turn with bets alone, and
// what is left after that.
func (b *bench) pruneKind(ctx context.Context, env *environment, w *way, conn *pgx.Conn, k kind) (Pruned, error) {
	p := &pruner{conn: conn, sql: k.sql}
	r := Pruned{Kind: k.name}
	if err := checkpoint(ctx, env); err != nil {
		return r, err
	}
	from, err := env.position(ctx)
	if err != nil {
		return r, err
	}
	began := time.Now()
	for p.done < b.Old/2 && !p.ended {
		if err := p.batch(ctx); err != nil {
			return r, err
		}
	}
	r.Seconds = time.Since(began).Seconds()
	to, err := env.position(ctx)
	if err != nil {
		return r, err
	}
	alone := max(p.done, 1)
	r.PerSecond, r.WAL = float64(p.done)/r.Seconds, float64(to-from)/float64(alone)
	if err := b.beside(ctx, w, p, &r); err != nil {
		return r, err
	}
	for !p.ended {
		if err := p.batch(ctx); err != nil {
			return r, err
		}
	}
	r.Rows, r.WorstBatch = p.done, p.worst
	err = conn.QueryRow(ctx, k.left).Scan(&r.Left)
	return r, err
}

// beside bets without pruning and with it, in turn.
func (b *bench) beside(ctx context.Context, w *way, p *pruner, r *Pruned) error {
	var without, with latency.Histogram
	var rates, beside, shares []float64
	before := p.done
	var pruning time.Duration
	for range b.rounds {
		w.clients.answers = &without
		rate, err := w.clients.run(ctx, b.roundTime/2)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
		w.clients.answers = &with
		end := make(chan struct{})
		pruned := make(chan error, 1)
		began := time.Now()
		go func() { pruned <- p.until(ctx, end) }() // ends with end, or when nothing is left
		rate, err = w.clients.run(ctx, b.roundTime/2)
		close(end)
		if failed := <-pruned; failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
		pruning += p.stopped.Sub(began)
		beside, shares = append(beside, rate), append(shares, rate/max(rates[len(rates)-1], 1e-9))
		if p.ended {
			break // what comes would not be beside anything
		}
	}
	r.Bets, r.BetsBeside, r.Ratio = median(rates), median(beside), median(shares)
	r.P99, r.P99Beside = without.Quantile(0.99), with.Quantile(0.99)
	r.Beside = float64(p.done-before) / max(pruning.Seconds(), 1e-9)
	return nil
}

// pruner calls one of the functions.
type pruner struct {
	conn    *pgx.Conn
	sql     string
	done    int64
	worst   time.Duration
	ended   bool // nothing old is left
	stopped time.Time
}

func (p *pruner) batch(ctx context.Context) error {
	began := time.Now()
	var looked, done int64
	if err := p.conn.QueryRow(ctx, p.sql, pruneBatch).Scan(&looked, &done); err != nil {
		return err
	}
	p.worst = max(p.worst, time.Since(began))
	p.done += done
	p.ended = looked < pruneBatch
	return nil
}

// until prunes until end is closed or nothing is left.
func (p *pruner) until(ctx context.Context, end <-chan struct{}) error {
	defer func() { p.stopped = time.Now() }()
	for !p.ended {
		select {
		case <-end:
			return nil
		default:
		}
		if err := p.batch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// age adds old rows to the tables that fill does not touch, as the owner.
func (b *bench) age(ctx context.Context, env *environment, name string) error {
	url, err := localpg.WithUser(env.postgres.URL("postgres"), name, localpg.Owner, password)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, k := range kinds {
		if k.fill == "" {
			continue
		}
		if _, err := conn.Exec(ctx, k.fill, b.Old); err != nil {
			return fmt.Errorf("age %s: %w", k.name, err)
		}
	}
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("age: %w", err)
	}
	return checkpoint(ctx, env)
}

// unsound says what is wrong, or nothing.
func (r *Prune) unsound() (wrong []string) {
	if r.Unmatched+r.WrongMoney+r.BadLedger != 0 {
		wrong = append(wrong, fmt.Sprintf("pruning: %d unmatched, %d times wrong money, bad ledger: %d", r.Unmatched, r.WrongMoney, r.BadLedger))
	}
	for _, k := range r.Kinds {
		if k.Left != 0 {
			wrong = append(wrong, fmt.Sprintf("pruning of %s: %d old rows are left", k.Kind, k.Left))
		}
	}
	return wrong
}

func (r *Prune) write(w io.Writer) {
	fmt.Fprintf(w, "\nPruning in batches of %d, half of the rows while nobody bets, then in turn with and without %d clients who bet together\n", pruneBatch, r.Clients)
	fmt.Fprintf(w, "  %-8s %10s %10s %10s %12s %12s %10s %10s %6s %16s %12s\n", "", "rows", "s (half)", "rows/s", "WAL B/row", "beside: rows/s", "bets/s", "beside", "ratio", "p99, beside", "worst batch")
	for _, k := range r.Kinds {
		fmt.Fprintf(w, "  %-8s %10d %10.1f %10.0f %12.0f %14.0f %10.0f %10.0f %6.2f %6.1f, %5.1f ms %9.1f ms\n", k.Kind, k.Rows, k.Seconds, k.PerSecond, k.WAL,
			k.Beside, k.Bets, k.BetsBeside, k.Ratio, ms(k.P99), ms(k.P99Beside), ms(k.WorstBatch))
	}
	fmt.Fprintf(w, "  unmatched %d, wrong money %d, bad ledger %d\n", r.Unmatched, r.WrongMoney, r.BadLedger)
}
