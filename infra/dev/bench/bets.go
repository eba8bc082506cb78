package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
	"github.com/vegascore/vegascore/shared/child"
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

// Way is one way to take bets over HTTP.
type Way struct {
	Name      string        `json:"name"`
	Clients   int           `json:"clients"`
	PerSecond float64       `json:"http_bets_per_second"`
	Ratio     float64       `json:"ratio"` // to pgbench, median of the rounds' ratios
	P50       time.Duration `json:"http_p50_ns"`
	P99       time.Duration `json:"http_p99_ns"`

	Refused int64 `json:"refused"` // attempts that got 503 busy; the clients tried again

	// What one player alone waits.
	AloneP50 time.Duration `json:"alone_p50_ns"`
	AloneP99 time.Duration `json:"alone_p99_ns"`
}

// way is an actions service that takes bets in one way, and its clients.
type way struct {
	Way
	service *process
	clients *clients
	rates   []float64
	ratios  []float64
}

// ways are a transaction for each bet, with a connection for each client, and the way
// of production, in which bets that wait share one.
func (b *bench) ways() []way {
	return []way{
		{Way: Way{Name: "one by one", Clients: b.clients}},
		{Way: Way{Name: "together", Clients: b.crowd}},
	}
}

// open starts the service of a way. One container, not in a rollout, may have a
// connection for each client.
func (w *way) open(ctx context.Context, b *bench, env *environment) error {
	port, err := child.Port()
	if err != nil {
		return err
	}
	variables := env.variables("actions", strconv.Itoa(port))
	variables["DB_REVISIONS"], variables["MAX_DB_CONNECTIONS"] = "1", strconv.Itoa(b.clients)
	if w.Name == "one by one" {
		variables["BET_BATCH"], variables["BET_EXECUTORS"] = "1", strconv.Itoa(b.clients)
	}
	if w.service, err = launch(variables, b.binary("actions")); err != nil {
		return err
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := w.service.ready(ctx, base); err != nil {
		return err
	}
	if w.clients, err = newClients(ctx, w.Name[:3], base, w.Clients, max(1, b.playersPerClient*b.clients/w.Clients)); err != nil {
		return fmt.Errorf("%w: %s", err, w.service.said)
	}
	return nil
}

func (w *way) close() {
	if w.clients != nil {
		w.clients.close()
	}
	if w.service != nil {
		w.service.end()
	}
}

// bets measures. The services relay nothing meanwhile, as pgbench does not: outbox
// rows stay where they are in both databases.
func (b *bench) bets(ctx context.Context, env *environment) (*Bets, error) {
	peer, err := b.newPgbench(ctx, env.sqlURL)
	if err != nil {
		return nil, err
	}
	ways := b.ways()
	for i := range ways {
		defer ways[i].close()
		if err := ways[i].open(ctx, b, env); err != nil {
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
		for i := range ways {
			w := &ways[i]
			rate, err := w.clients.run(ctx, b.roundTime)
			if err != nil {
				return nil, err
			}
			b.say("bets, round %d: %.0f/s %s, %.0f/s with pgbench", round+1, rate, w.Name, sql)
			w.rates, w.ratios = append(w.rates, rate), append(w.ratios, rate/sql)
		}
	}
	result.Pgbench = median(sqls)
	answered := 0
	for i := range ways {
		w := &ways[i]
		w.PerSecond, w.Ratio = median(w.rates), median(w.ratios)
		w.P50, w.P99 = w.clients.answers.Quantile(0.5), w.clients.answers.Quantile(0.99)
		w.Refused = w.clients.refused.Load()
		if w.AloneP50, w.AloneP99, err = w.clients.alone(ctx, b.roundTime); err != nil {
			return nil, err
		}
		result.Ways = append(result.Ways, w.Way)
		result.WrongMoney += int64(w.clients.wrong())
		answered += w.clients.bets()
	}
	return result, result.audit(ctx, env, int64(answered))
}

// warm plays some bets both ways and tells the planner what the tables hold: plans
// that were made on empty tables would stay.
func (b *bench) warm(ctx context.Context, env *environment, ways []way, peer *pgbench) error {
	for i := range ways {
		if _, err := ways[i].clients.run(ctx, b.betsWarmUp); err != nil {
			return err
		}
		ways[i].clients.answers = &latency.Histogram{}
	}
	if _, err := peer.run(ctx, b.betsWarmUp); err != nil {
		return err
	}
	for _, name := range []string{httpName, sqlName} {
		if err := onDatabase(ctx, env, name, func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "ANALYZE")
			return err
		}); err != nil {
			return fmt.Errorf("analyze: %w", err)
		}
	}
	return nil
}

// audit compares what was answered with what is in the database.
func (r *Bets) audit(ctx context.Context, env *environment, answered int64) error {
	return onDatabase(ctx, env, httpName, func(conn *pgx.Conn) error {
		var rounds int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM rounds WHERE state = 'settled'").Scan(&rounds); err != nil {
			return fmt.Errorf("count the rounds: %w", err)
		}
		r.Unmatched = max(rounds-answered, answered-rounds)
		report, err := ledger.Verify(ctx, conn)
		if err == nil && !report.OK() {
			r.BadLedger = 1
		}
		return err
	})
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
