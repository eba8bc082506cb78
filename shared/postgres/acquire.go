package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrBusy says that every connection of the pool was in use for as long as a
// caller may wait.
var ErrBusy = errors.New("all database connections are in use")

// ErrNoConnection says that no connection could be opened in the time that a
// caller may wait.
var ErrNoConnection = errors.New("no database connection in time")

// recheck is how often a wait beyond the first bound looks at the pool again.
const recheck = 50 * time.Millisecond

// acquireBound limits how long a caller waits for a connection of the pool, on
// every way into it: the pool lets a tracer replace the context of the wait.
type acquireBound struct {
	sentry  *sentry
	busy    time.Duration // while every connection is in use
	connect time.Duration // while one is being opened
}

// TraceAcquireStart returns the context of the wait.
func (b acquireBound) TraceAcquireStart(ctx context.Context, pool *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	a := &acquireContext{caller: ctx}
	a.Context, a.cancel = context.WithCancelCause(ctx)
	if b.sentry.away.Load() {
		a.cancel(ErrNoConnection)
		return a
	}
	began := time.Now()
	look := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		stat := pool.Stat()
		switch {
		case a.timer == nil: // the wait is over
		case stat.AcquiredConns() >= stat.MaxConns():
			a.cancel(ErrBusy)
		case b.sentry.away.Load():
			a.cancel(ErrNoConnection)
		case time.Since(began) >= b.connect:
			a.cancel(ErrNoConnection)
		default:
			b.sentry.suspect() // opening a connection takes long
			a.timer.Reset(recheck)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(b.busy, look)
	return a
}

// TraceAcquireEnd ends the wait.
func (b acquireBound) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	a, ok := ctx.Value(acquireKey{}).(*acquireContext)
	if !ok {
		return
	}
	if data.Err != nil && a.Err() == nil { // a connection could not be opened
		b.sentry.suspect()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.cancel(nil)
}

// silent reports a statement without an answer from the server: one that broke or that
// took longer than its caller had time. The server has limits of its own, which are
// shorter and are answers.
func (b acquireBound) silent(ctx context.Context, err error) {
	if err != nil && (errors.Is(ctx.Err(), context.DeadlineExceeded) || lost(err)) {
		b.sentry.suspect()
	}
}

// TraceQueryStart does nothing.
func (acquireBound) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd looks whether the server has answered.
func (b acquireBound) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	b.silent(ctx, data.Err)
}

// TraceBatchStart does nothing.
func (acquireBound) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery does nothing: the end of the batch tells.
func (acquireBound) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd looks whether the server has answered.
func (b acquireBound) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	b.silent(ctx, data.Err)
}

type acquireKey struct{}

// acquireContext tells an expired wait apart from the caller's own deadline: the
// pool returns what Err says.
type acquireContext struct {
	context.Context

	caller context.Context
	cancel context.CancelCauseFunc
	mu     sync.Mutex
	timer  *time.Timer // nil when the wait is over
}

// Err is the caller's error if there is one, else ErrBusy or ErrNoConnection when
// the wait took too long.
func (a *acquireContext) Err() error {
	if err := a.caller.Err(); err != nil || a.Context.Err() == nil {
		return err
	}
	return context.Cause(a.Context)
}

// Value finds the context itself through the wrappers of other tracers.
func (a *acquireContext) Value(key any) any {
	if _, ok := key.(acquireKey); ok {
		return a
	}
	return a.Context.Value(key)
}
