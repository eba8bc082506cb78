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
// over the rounds, in which the two take turns.
type Bets struct {
	Clients int           `json:"clients"`
	Rounds  int           `json:"rounds"`
	HTTP    float64       `json:"http_bets_per_second"`
	Pgbench float64       `json:"pgbench_bets_per_second"`
	Ratio   float64       `json:"ratio"` // median of the rounds' ratios
	P50     time.Duration `json:"http_p50_ns"`
	P99     time.Duration `json:"http_p99_ns"`

	// What must be 0: answered bets without a round and the other way round,
	// balances in answers that are not the player's own arithmetic, and 1 if the
	// ledger does not add up.
	Unmatched  int64 `json:"unmatched"`
	WrongMoney int64 `json:"wrong_money"`
	BadLedger  int64 `json:"bad_ledger"`
}

// bets measures. The service relays nothing meanwhile, as pgbench does not: outbox
// rows stay where they are in both databases.
func (b *bench) bets(ctx context.Context, env *environment) (*Bets, error) {
	peer, err := b.newPgbench(ctx, env.sqlURL)
	if err != nil {
		return nil, err
	}
	port, err := child.Port()
	if err != nil {
		return nil, err
	}
	variables := env.variables("actions", strconv.Itoa(port))
	// One container, not in a rollout, may have a connection for each client.
	variables["DB_REVISIONS"], variables["MAX_DB_CONNECTIONS"] = "1", strconv.Itoa(b.clients)
	service, err := launch(variables, b.binary("actions"))
	if err != nil {
		return nil, err
	}
	defer service.end()
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := service.ready(ctx, base); err != nil {
		return nil, err
	}
	c, err := newClients(ctx, base, b.clients, b.playersPerClient)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, service.said)
	}
	defer c.close()
	if err := b.warm(ctx, env, c, peer); err != nil {
		return nil, err
	}
	c.answers = &latency.Histogram{}
	result := &Bets{Clients: b.clients, Rounds: b.rounds}
	var https, sqls, ratios []float64
	for round := range b.rounds {
		overHTTP, err := c.run(ctx, b.roundTime)
		if err != nil {
			return nil, err
		}
		sql, err := peer.run(ctx, b.roundTime)
		if err != nil {
			return nil, err
		}
		b.say("bets, round %d: %.0f/s over HTTP, %.0f/s with pgbench", round+1, overHTTP, sql)
		https, sqls, ratios = append(https, overHTTP), append(sqls, sql), append(ratios, overHTTP/sql)
	}
	result.HTTP, result.Pgbench, result.Ratio = median(https), median(sqls), median(ratios)
	result.P50, result.P99 = c.answers.Quantile(0.5), c.answers.Quantile(0.99)
	result.WrongMoney = int64(c.wrong())
	return result, result.audit(ctx, env, int64(c.bets()))
}

// warm plays some bets both ways and tells the planner what the tables hold: plans
// that were made on empty tables would stay.
func (b *bench) warm(ctx context.Context, env *environment, c *clients, peer *pgbench) error {
	if _, err := c.run(ctx, b.betsWarmUp); err != nil {
		return err
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
