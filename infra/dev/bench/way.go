package bench

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
	"github.com/vegascore/vegascore/shared/child"
)

// Way is one way to take bets over HTTP.
type Way struct {
	Name      string        `json:"name"`
	Clients   int           `json:"clients"`
	PerSecond float64       `json:"http_bets_per_second"`
	Ratio     float64       `json:"ratio"` // to pgbench, median of the rounds' ratios
	P50       time.Duration `json:"http_p50_ns"`
	P99       time.Duration `json:"http_p99_ns"`

	Refused int64   `json:"refused"`           // attempts that got 503 busy; the clients tried again
	WAL     float64 `json:"wal_bytes_per_bet"` // of the whole server, while these bets were taken

	// What one player alone waits.
	AloneP50 time.Duration `json:"alone_p50_ns"`
	AloneP99 time.Duration `json:"alone_p99_ns"`
}

// way is an actions service that takes bets in one way, and its clients.
type way struct {
	Way
	url      string // of the database; that of over_http when empty
	settings map[string]string

	service *process
	inside  string // address of its internal port
	clients *clients
	lonely  *latency.Histogram
	rates   []float64
	ratios  []float64
	wal     int64 // bytes, of all its bets since the warm-up
	taken   int   // those bets
}

// Names of the ways of every run.
const (
	oneByOne = "one by one"
	together = "together"
)

// ways are a transaction for each bet, with a connection for each client, and the way
// of production, in which bets that wait share one.
func (b *bench) ways() []*way {
	return []*way{
		{Way: Way{Name: oneByOne, Clients: b.clients}},
		{Way: Way{Name: together, Clients: b.crowd}},
	}
}

// open starts the service of a way. One container, not in a rollout, may have a
// connection for each client.
func (w *way) open(ctx context.Context, b *bench, env *environment) error {
	port, err := child.Port()
	if err != nil {
		return err
	}
	inside, err := child.Port()
	if err != nil {
		return err
	}
	w.inside = "http://127.0.0.1:" + strconv.Itoa(inside)
	variables := env.variables("actions", strconv.Itoa(port))
	variables["INTERNAL_ADDR"] = "127.0.0.1:" + strconv.Itoa(inside)
	variables["DB_REVISIONS"], variables["MAX_DB_CONNECTIONS"] = "1", strconv.Itoa(b.clients)
	if w.url != "" {
		variables["DATABASE_URL"] = w.url
	}
	if w.Name == oneByOne {
		variables["BET_BATCH"], variables["BET_EXECUTORS"] = "1", strconv.Itoa(b.clients)
	}
	maps.Copy(variables, w.settings)
	if w.service, err = launch(variables, b.binary("actions")); err != nil {
		return err
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := w.service.ready(ctx, base); err != nil {
		return err
	}
	w.lonely = &latency.Histogram{}
	if w.clients, err = newClients(ctx, strings.ReplaceAll(w.Name[:3], " ", "-"), base, w.Clients, max(1, b.playersPerClient*b.clients/w.Clients)); err != nil {
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

// warm plays some bets that do not count.
func (w *way) warm(ctx context.Context, d time.Duration) error {
	if _, err := w.clients.run(ctx, d); err != nil {
		return err
	}
	w.clients.answers = &latency.Histogram{}
	w.clients.refused.Store(0)
	return nil
}

// run bets for d with all clients, and returns bets per second.
func (w *way) run(ctx context.Context, env *environment, d time.Duration) (float64, error) {
	from, err := env.position(ctx)
	if err != nil {
		return 0, err
	}
	before := w.clients.bets()
	rate, err := w.clients.run(ctx, d)
	if err != nil {
		return 0, err
	}
	to, err := env.position(ctx)
	if err != nil {
		return 0, err
	}
	w.rates = append(w.rates, rate)
	w.wal += to - from
	w.taken += w.clients.bets() - before
	return rate, nil
}

// sum fills the figures in from what was run.
func (w *way) sum() {
	w.PerSecond = median(w.rates)
	if len(w.ratios) > 0 {
		w.Ratio = median(w.ratios)
	}
	w.P50, w.P99 = w.clients.answers.Quantile(0.5), w.clients.answers.Quantile(0.99)
	w.AloneP50, w.AloneP99 = w.lonely.Quantile(0.5), w.lonely.Quantile(0.99)
	w.Refused = w.clients.refused.Load()
	w.WAL = float64(w.wal) / float64(max(w.taken, 1))
}

// position is how many bytes the server has written to its log, for all databases.
func (e *environment) position(ctx context.Context) (at int64, err error) {
	err = onDatabase(ctx, e, "postgres", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8").Scan(&at)
	})
	if err != nil {
		return 0, fmt.Errorf("read the log's position: %w", err)
	}
	return at, nil
}
