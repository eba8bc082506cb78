package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Mode says how statements are sent.
type Mode string

const (
	// ModeAuto asks the server once whether a pooler stands before it.
	ModeAuto Mode = "auto"
	// ModeExec sends no prepared statement and no session setting, as a pooler in
	// transaction mode needs it.
	ModeExec Mode = "exec"
	// ModeDirect keeps prepared statements and sets the timeouts per session.
	ModeDirect Mode = "direct"
)

// Defaults of the zero Config.
const (
	defaultStatementTimeout = 5 * time.Second
	defaultLockTimeout      = 2 * time.Second
	defaultIdleTimeout      = 5 * time.Second
	defaultAcquireTimeout   = 100 * time.Millisecond // twice in a row, in a full batch, is out within 250 ms
	defaultConnectTimeout   = 2 * time.Second
	defaultTxTimeout        = 10 * time.Second
)

// Config says where the database is and how much of it one container may use.
// Zero fields take the default that their comment names.
type Config struct {
	// URL is a PostgreSQL URL. The parameters pgbouncer=true and
	// connection_limit=n of other clients are understood.
	URL string `env:"DATABASE_URL" json:"-"`

	// MemoryMB is the container's memory; 0 asks the control group.
	MemoryMB int `env:"MEMORY_MB"`
	// Threads and its older name bound the pool at four connections per thread; 0
	// is no bound.
	Threads   int `env:"THREADS"`
	UVThreads int `env:"UV_THREADPOOL_SIZE"`
	// MaxConns is an upper bound by hand; 0 is none.
	MaxConns int `env:"MAX_DB_CONNECTIONS"`

	// MaxInstances is how many containers one revision may have; 0 is 1.
	MaxInstances int `env:"MAX_INSTANCES"`
	// Revisions is how many revisions may run at once; 0 is 2, a rollout's.
	Revisions int `env:"DB_REVISIONS"`
	// Budget is how many connections this service may hold over all containers; 0
	// is the server's max_connections less 10, taken as 90 until the server is asked.
	Budget int `env:"DB_BUDGET"`
	// Cores is the number of the server's CPU cores; 0 is 2.
	Cores int `env:"DB_CORES"`
	// Hold is how long a transaction holds its connection on an idle server; 0 is
	// 2.5 ms (one client write and one flush at cloud latency).
	Hold time.Duration `env:"DB_HOLD"`
	// CPU is how much of Hold the server computes; 0 is 170 µs.
	CPU time.Duration `env:"DB_CPU"`
	// Concurrency is how many requests one container works on at a time; 0 is unknown.
	Concurrency int `env:"CONCURRENCY"`

	StatementTimeout time.Duration `env:"DB_STATEMENT_TIMEOUT"`           // 0 is 5 s
	LockTimeout      time.Duration `env:"DB_LOCK_TIMEOUT"`                // 0 is 2 s
	IdleTimeout      time.Duration `env:"DB_IDLE_IN_TRANSACTION_TIMEOUT"` // 0 is 5 s
	AcquireTimeout   time.Duration `env:"DB_ACQUIRE_TIMEOUT"`             // 0 is 100 ms
	ConnectTimeout   time.Duration `env:"DB_CONNECT_TIMEOUT"`             // 0 is 2 s
	TxTimeout        time.Duration `env:"DB_TX_TIMEOUT"`                  // of InTx, retries included; 0 is 10 s

	// Mode is ModeAuto when empty.
	Mode Mode `env:"DB_QUERY_MODE"`
	// Application is the name that the server shows for the connections.
	Application string `env:"-"`
	// Tracer may be nil.
	Tracer pgx.QueryTracer `env:"-" json:"-"`
}

// withDefaults fills the zero fields and refuses what makes no sense.
func (c Config) withDefaults() (Config, error) {
	if c.URL == "" {
		return c, errors.New("DATABASE_URL is not set")
	}
	ints := []struct {
		name  string
		value *int
		zero  int
	}{
		{"MEMORY_MB", &c.MemoryMB, 0},
		{"THREADS", &c.Threads, max(c.UVThreads, 0)},
		{"MAX_DB_CONNECTIONS", &c.MaxConns, 0},
		{"MAX_INSTANCES", &c.MaxInstances, 1},
		{"DB_REVISIONS", &c.Revisions, 2},
		{"DB_BUDGET", &c.Budget, 0},
		{"DB_CORES", &c.Cores, 2},
		{"CONCURRENCY", &c.Concurrency, 0},
	}
	for _, f := range ints {
		if *f.value < 0 {
			return c, fmt.Errorf("%s is %d: must not be negative", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.zero
		}
	}
	durations := []struct {
		name  string
		value *time.Duration
		zero  time.Duration
	}{
		{"DB_HOLD", &c.Hold, 2500 * time.Microsecond},
		{"DB_CPU", &c.CPU, 170 * time.Microsecond},
		{"DB_STATEMENT_TIMEOUT", &c.StatementTimeout, defaultStatementTimeout},
		{"DB_LOCK_TIMEOUT", &c.LockTimeout, defaultLockTimeout},
		{"DB_IDLE_IN_TRANSACTION_TIMEOUT", &c.IdleTimeout, defaultIdleTimeout},
		{"DB_ACQUIRE_TIMEOUT", &c.AcquireTimeout, defaultAcquireTimeout},
		{"DB_CONNECT_TIMEOUT", &c.ConnectTimeout, defaultConnectTimeout},
		{"DB_TX_TIMEOUT", &c.TxTimeout, defaultTxTimeout},
	}
	for _, f := range durations {
		if *f.value < 0 {
			return c, fmt.Errorf("%s is %s: must not be negative", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.zero
		}
	}
	switch c.Mode {
	case "":
		c.Mode = ModeAuto
	case ModeAuto, ModeExec, ModeDirect:
	default:
		return c, fmt.Errorf("DB_QUERY_MODE is %q: must be auto, exec or direct", c.Mode)
	}
	return c.fromURL()
}

// fromURL takes the parameters out of the URL that the server would refuse as
// settings of its own. connection_limit is dropped: it bounds a pool per process
// by hand, which MAX_DB_CONNECTIONS does here.
func (c Config) fromURL() (Config, error) {
	base, query, found := strings.Cut(c.URL, "?")
	if !found || !strings.Contains(base, "://") {
		return c, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return c, errors.New("DATABASE_URL: its parameters cannot be parsed") // the text of err may hold the password
	}
	if values.Get("pgbouncer") == "true" && c.Mode == ModeAuto {
		c.Mode = ModeExec
	}
	for _, foreign := range []string{"pgbouncer", "connection_limit", "pool_timeout", "schema"} {
		if foreign == "schema" && values.Has("schema") && !values.Has("search_path") {
			values.Set("search_path", values.Get("schema"))
		}
		values.Del(foreign)
	}
	c.URL = base
	if len(values) > 0 {
		c.URL += "?" + values.Encode()
	}
	return c, nil
}
