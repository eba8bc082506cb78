// Package runner applies migrations exactly once, however many runners there are
// and wherever one of them dies.
//
// One runner at a time works on a database: it holds an advisory lock of its
// session, which the server frees when the session ends. The lock is asked for
// again and again and never waited for inside the server: a waiting statement
// holds a snapshot, and CREATE INDEX CONCURRENTLY waits for snapshots, so two
// runners would stand in each other's way until one is shot.
//
// A migration in a transaction is committed together with its record. One outside
// is recorded as begun, run statement by statement, and recorded as finished;
// package script lets only statements through that may be run again.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// Config says where the database is and how patient the runner is.
type Config struct {
	URL string `env:"DIRECT_URL" json:"-"`
	// LockWait is how long to wait for another runner.
	LockWait time.Duration `env:"MIGRATE_LOCK_WAIT" envDefault:"5m"`
	// LockTimeout is how long a statement waits for a table before it steps back,
	// and so how long it makes the players behind it wait.
	LockTimeout time.Duration `env:"MIGRATE_LOCK_TIMEOUT" envDefault:"50ms"`
	// RetryFor is how long one migration tries to get its tables.
	RetryFor time.Duration `env:"MIGRATE_RETRY_FOR" envDefault:"2m"`
	// StatementTimeout bounds a statement inside a transaction.
	StatementTimeout time.Duration `env:"MIGRATE_STATEMENT_TIMEOUT" envDefault:"30s"`
	// BuildTimeout bounds a statement outside, such as an index that is built
	// while players play.
	BuildTimeout time.Duration `env:"MIGRATE_BUILD_TIMEOUT" envDefault:"30m"`
	// ConnectTimeout bounds the making of the connection.
	ConnectTimeout time.Duration `env:"MIGRATE_CONNECT_TIMEOUT" envDefault:"10s"`
	// Gate is what the rollout says.
	Gate Gate

	commit string // instead of Commit, in tests
}

var (
	// ErrPooled says that the URL leads through a connection pooler, where a
	// session's lock would belong to everybody and nobody.
	ErrPooled = errors.New("the URL leads through a connection pooler; migrations need a direct connection")
	// ErrLockWait says that another runner did not finish in time.
	ErrLockWait = errors.New("another runner holds the migration lock")
)

// Done is one migration that this run applied.
type Done struct {
	Script  script.Script
	Took    time.Duration
	Retries int // of statements that could not get their table in time
}

// Up applies what is missing and returns what it applied, also with an error. It
// changes nothing when files and database do not belong together
// (script.ErrInvalid, record.ErrRefused), the URL is pooled, or the rollout's gate
// forbids it (ErrCommit, ErrContract). A database that is
// ahead of the files is left as it is, without an error.
func Up(ctx context.Context, c Config, files fs.FS, bootstrap string, logger *slog.Logger) (record.Plan, []Done, error) {
	if err := c.Gate.built(cmp.Or(c.commit, Commit)); err != nil {
		return record.Plan{}, nil, err
	}
	scripts, err := script.Load(files)
	if err != nil {
		return record.Plan{}, nil, err
	}
	r, err := connect(ctx, c, logger)
	if err != nil {
		return record.Plan{}, nil, err
	}
	defer r.close(ctx) // frees the lock
	if err := r.lock(ctx); err != nil {
		return record.Plan{}, nil, err
	}
	plan, err := r.plan(ctx, scripts)
	if err != nil {
		return record.Plan{}, nil, err
	}
	if plan.State != record.Pending {
		return plan, nil, nil
	}
	if err := c.Gate.admits(plan, time.Now()); err != nil {
		return plan, nil, err
	}
	if err := r.boot(ctx, bootstrap); err != nil {
		return plan, nil, err
	}
	var done []Done
	for _, s := range plan.Pending {
		began := time.Now()
		retries, err := r.apply(ctx, s, plan.Unfinished == s.Version)
		if err != nil {
			return plan, done, fmt.Errorf("apply %04d_%s: %w", s.Version, s.Name, err)
		}
		d := Done{Script: s, Took: time.Since(began), Retries: retries}
		logger.InfoContext(ctx, "migration applied", "version", s.Version, "name", s.Name, "took_ms", d.Took.Milliseconds(), "retries", retries)
		done = append(done, d)
	}
	return plan, done, nil
}

// Look compares files and database without a lock and without changing anything.
// Allowed says besides whether the rollout's gate would let Up do what is planned.
func Look(ctx context.Context, c Config, files fs.FS, logger *slog.Logger) (record.Plan, error) {
	scripts, err := script.Load(files)
	if err != nil {
		return record.Plan{}, err
	}
	r, err := connect(ctx, c, logger)
	if err != nil {
		return record.Plan{}, err
	}
	defer r.close(ctx)
	return r.plan(ctx, scripts)
}

// run is one connection of a runner.
type run struct {
	config Config
	conn   *pgx.Conn
	logger *slog.Logger
}

func connect(ctx context.Context, c Config, logger *slog.Logger) (*run, error) {
	if c.URL == "" {
		return nil, errors.New("DIRECT_URL is not set")
	}
	cc, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	cc.ConnectTimeout = c.ConnectTimeout
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = "vegascore migrate"
	}
	// Plans are of no use to statements that run once, and go stale under DDL.
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	r := &run{config: c, conn: conn, logger: logger}
	if err := r.prepare(ctx); err != nil {
		r.close(ctx)
		return nil, err
	}
	return r, nil
}

// prepare refuses a pooler and makes the server notice soon that we are gone.
func (r *run) prepare(ctx context.Context) error {
	var pid uint32
	if err := r.conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if pid != r.conn.PgConn().PID() {
		return ErrPooled
	}
	return r.fresh(ctx)
}

// fresh gives the session the settings that a migration starts from, whatever the
// one before has set.
func (r *run) fresh(ctx context.Context) error {
	if _, err := r.conn.Exec(ctx, "RESET ROLE; RESET ALL"); err != nil {
		return fmt.Errorf("reset the session: %w", err)
	}
	for _, setting := range []string{
		"client_connection_check_interval = '1s'", // a killed runner's statement ends, and with it the lock
		"tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3",
		"idle_session_timeout = 0", "idle_in_transaction_session_timeout = '1min'",
	} {
		// Not every server has all of them, and the runner is right without.
		if _, err := r.conn.Exec(ctx, "SET "+setting); err != nil {
			r.logger.DebugContext(ctx, "setting refused", "setting", setting, "error", err)
			if r.conn.IsClosed() {
				return fmt.Errorf("reset the session: %w", err)
			}
		}
	}
	return nil
}

func (r *run) plan(ctx context.Context, scripts []script.Script) (record.Plan, error) {
	rows, err := record.Read(ctx, r.conn)
	if err != nil {
		return record.Plan{}, err
	}
	least, err := record.ReadCode(ctx, r.conn)
	if err != nil {
		return record.Plan{}, err
	}
	return record.Compare(scripts, rows, least)
}

// close ends the session, also when ctx is over.
func (r *run) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.conn.Close(ctx); err != nil {
		r.logger.DebugContext(ctx, "connection not closed in order", "error", err)
	}
}
