package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections. All of its methods may be called concurrently.
type DB struct {
	*pgxpool.Pool

	config Config
	sizing Sizing
	logger *slog.Logger
	sentry *sentry
	// path is what the first connection learnt about the way to the server.
	path atomic.Pointer[path]

	look    sync.Mutex
	looking *exploring // nil while nobody explores
}

// Open makes the pool and returns at once: one connection is opened in the
// background, the others when they are needed. It fails only on a config that can
// never work, such as a size beyond the fleet's budget (ErrOverBudget).
func Open(ctx context.Context, c Config, logger *slog.Logger) (*DB, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	mb, source := memory(c.MemoryMB, os.DirFS("/"))
	sizing, err := size(c, mb, source)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := &DB{config: c, sizing: sizing, logger: logger}
	db.sentry = newSentry(db.ask, c.ConnectTimeout, func() { db.Reset() }, logger)
	pc, err := db.poolConfig()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if db.Pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	logger.InfoContext(ctx, "database pool sized", "size", sizing.Size, "reason", sizing.Reason,
		"budget", sizing.Budget, "instances", sizing.Instances, "mode", string(c.Mode))
	return db, nil
}

// Sizing returns the pool's size and the reason for it.
func (db *DB) Sizing() Sizing { return db.sizing }

// Pooled reports whether a pooler in transaction mode stands before the server;
// in ModeAuto it is false until the first connection.
func (db *DB) Pooled() bool {
	p := db.path.Load()
	return db.config.Mode == ModeExec || p != nil && p.pooled
}

// poolConfig is Config in the pool's terms.
func (db *DB) poolConfig() (*pgxpool.Config, error) {
	c := db.config
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = int32(db.sizing.Size)
	pc.MinConns = 0
	pc.MinIdleConns = 1 // a warm start, without the cost of many
	pc.MaxConnLifetime = 30 * time.Minute
	pc.MaxConnLifetimeJitter = 5 * time.Minute
	pc.MaxConnIdleTime = 5 * time.Minute
	pc.HealthCheckPeriod = 5 * time.Second // how soon MinIdleConns is restored after an outage
	pc.PingTimeout = 2 * time.Second
	pc.BeforeConnect = db.beforeConnect

	cc := pc.ConnConfig
	cc.ConnectTimeout = c.ConnectTimeout
	cc.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}).DialContext
	if cc.ValidateConnect == nil && len(cc.Fallbacks) > 0 {
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	byDefault := cc.OnPgError
	cc.OnPgError = func(conn *pgconn.PgConn, e *pgconn.PgError) bool {
		if e.Code == codeReadOnly {
			// The server was demoted, and so it was for every other connection.
			db.Reset()
			return false
		}
		return byDefault(conn, e)
	}
	bound := acquireBound{sentry: db.sentry, busy: c.AcquireTimeout, connect: max(c.AcquireTimeout, c.ConnectTimeout)}
	if c.Tracer == nil {
		cc.Tracer = bound
	} else {
		cc.Tracer = multitracer.New(bound, c.Tracer)
	}
	return pc, nil
}

// beforeConnect shapes each new connection by what stands between us and the
// server.
func (db *DB) beforeConnect(ctx context.Context, cc *pgx.ConnConfig) error {
	if db.config.Application != "" {
		cc.RuntimeParams["application_name"] = db.config.Application
	}
	pooled := db.config.Mode == ModeExec
	if !pooled {
		p, err := db.explore(ctx, cc)
		if err != nil {
			return err
		}
		pooled = p.pooled && db.config.Mode == ModeAuto
	}
	if pooled {
		// Settings in the start-up message would be refused by the pooler.
		cc.DefaultQueryExecMode = pgx.QueryExecModeExec
		cc.StatementCacheCapacity = 0
		cc.DescriptionCacheCapacity = 0
		return nil
	}
	for name, d := range db.timeouts() {
		cc.RuntimeParams[name] = fmt.Sprintf("%dms", d.Milliseconds())
	}
	return nil
}

// timeouts are the server's own limits on what a session of ours may do.
func (db *DB) timeouts() map[string]time.Duration {
	return map[string]time.Duration{
		"statement_timeout":                   db.config.StatementTimeout,
		"lock_timeout":                        db.config.LockTimeout,
		"idle_in_transaction_session_timeout": db.config.IdleTimeout,
	}
}

// path is the way to the server.
type path struct {
	pooled bool
	// overBudget is set when the server takes fewer connections than the fleet may open.
	overBudget error
}

// exploring is a look at the path that is under way.
type exploring struct {
	done chan struct{} // closed when path or err is there
	path *path
	err  error
}

// explore learns the path with one connection of its own, before the first of
// the pool. It runs again as long as it fails. Who asks meanwhile gets the same
// answer: the connections of a start would otherwise each bring a second one.
func (db *DB) explore(ctx context.Context, cc *pgx.ConnConfig) (*path, error) {
	if p := db.path.Load(); p != nil {
		return p, nil
	}
	db.look.Lock()
	e := db.looking
	if e != nil {
		db.look.Unlock()
		select {
		case <-e.done:
			return e.path, e.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	e = &exploring{done: make(chan struct{})}
	db.looking = e
	db.look.Unlock()
	e.path, e.err = db.probe(ctx, cc)
	db.look.Lock()
	db.looking = nil
	db.look.Unlock()
	close(e.done)
	return e.path, e.err
}

func (db *DB) probe(ctx context.Context, cc *pgx.ConnConfig) (*path, error) {
	probe := cc.Copy()
	probe.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, probe)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has done its work
	var pid uint32
	var most int
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid(), current_setting('max_connections')::int",
		pgx.QueryExecModeSimpleProtocol).Scan(&pid, &most)
	if err != nil {
		return nil, fmt.Errorf("explore the path to the database: %w", err)
	}
	// A pooler hands out process ids of its own.
	p := &path{pooled: pid != conn.PgConn().PID()}
	if !p.pooled {
		p.overBudget = db.sizing.within(most - reserved)
	}
	if !db.path.CompareAndSwap(nil, p) {
		return db.path.Load(), nil
	}
	db.logger.InfoContext(ctx, "database reached", "pooler", p.pooled, "max_connections", most)
	if p.overBudget != nil {
		db.logger.ErrorContext(ctx, "database refused", "error", p.overBudget)
	}
	return p, nil
}

// Check asks the server for an answer, for health checks. It also fails while the
// fleet may open more connections than the server takes (ErrOverBudget).
func (db *DB) Check(ctx context.Context) error {
	if _, err := db.Exec(ctx, "SELECT 1"); err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	if p := db.path.Load(); p != nil && p.overBudget != nil {
		return fmt.Errorf("check database: %w", p.overBudget)
	}
	return nil
}

// ErrSchemaTooOld says that the migrations that this code needs were not applied.
var ErrSchemaTooOld = errors.New("schema too old")

// CheckSchema fails with ErrSchemaTooOld unless migration least and all before it
// are applied. A newer schema is fine.
func (db *DB) CheckSchema(ctx context.Context, least int) error {
	var applied int
	err := db.QueryRow(ctx, `SELECT count(*) FROM schema_migrations WHERE version <= $1 AND finished_at IS NOT NULL`, least).Scan(&applied)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == codeNoTable || pg.Code == codeNoRight) {
		err = nil // before the first migration there is no table, or no right to read it
	}
	switch {
	case err != nil:
		return fmt.Errorf("check schema: %w", err)
	case applied < least:
		return fmt.Errorf("check schema: %w: %d of the %d migrations needed are applied", ErrSchemaTooOld, applied, least)
	}
	return nil
}
