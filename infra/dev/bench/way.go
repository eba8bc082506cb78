package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
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

	// CPU for 1,000 of these bets, in ms: of the service, and of PostgreSQL with all its
	// processes. Below 0 where it is unknown.
	CPU         float64 `json:"cpu_ms_per_1000_bets"`
	PostgresCPU float64 `json:"postgres_cpu_ms_per_1000_bets"`

	// What one player alone waits.
	AloneP50 time.Duration `json:"alone_p50_ns"`
	AloneP99 time.Duration `json:"alone_p99_ns"`
}

// way is an actions service that takes bets in one way, and its clients.
type way struct {
	Way
	url      string            // of the database; that of over_http when empty
	settings map[string]string // of the service
	server   map[string]string // of PostgreSQL, while this way takes bets

	service *process
	inside  string // address of its internal port
	clients *clients
	lonely  *latency.Histogram
	rates   []float64
	ratios  []float64
	taken   int   // bets since the warm-up
	used    usage // by them
}

// usage is what bets have cost: bytes of the log, and CPU time of the service and of
// PostgreSQL, if that is known.
type usage struct {
	wal           int64
	service, base time.Duration
	unknown       bool
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
	from, err := w.usage(ctx, env)
	if err != nil {
		return 0, err
	}
	before := w.clients.bets()
	back, err := w.set(ctx, env)
	if err != nil {
		return 0, err
	}
	rate, err := w.clients.run(ctx, d)
	if err := errors.Join(err, back()); err != nil {
		return 0, err
	}
	to, err := w.usage(ctx, env)
	if err != nil {
		return 0, err
	}
	w.rates = append(w.rates, rate)
	w.taken += w.clients.bets() - before
	w.used.wal += to.wal - from.wal
	w.used.service += to.service - from.service
	w.used.base += to.base - from.base
	w.used.unknown = w.used.unknown || from.unknown || to.unknown
	return rate, nil
}

// usage so far.
func (w *way) usage(ctx context.Context, env *environment) (u usage, err error) {
	if u.wal, err = env.position(ctx); err != nil {
		return u, err
	}
	var unknown [2]error
	u.service, unknown[0] = cpu(w.service.Pid())
	u.base, unknown[1] = cpuOfAll(env.postgres.Pid())
	u.unknown = errors.Join(unknown[:]...) != nil
	return u, nil
}

// alone has one of the clients bet for d, while nobody else does.
func (w *way) alone(ctx context.Context, env *environment, d time.Duration) error {
	back, err := w.set(ctx, env)
	if err != nil {
		return err
	}
	return errors.Join(w.clients.alone(ctx, d, w.lonely), back())
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
	thousands := float64(max(w.taken, 1)) / 1000
	w.WAL = float64(w.used.wal) / 1000 / thousands
	w.CPU, w.PostgresCPU = ms(w.used.service)/thousands, ms(w.used.base)/thousands
	if w.used.unknown {
		w.CPU, w.PostgresCPU = -1, -1
	}
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
