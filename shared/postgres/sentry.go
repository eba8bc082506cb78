package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// probePause is between two looks for a server that is away.
	probePause = 100 * time.Millisecond
	// probeRest is the time after a look that found the server, in which no suspicion
	// leads to another.
	probeRest = time.Second
)

// sentry knows whether the server is away: refusing connections, shutting down, or
// silent. While it is, callers are turned away at once instead of waiting for one
// limit after another, and one goroutine looks for it on behalf of all.
//
// The sentry believes its own look alone, with a connection of its own, never the
// trouble of a caller that made it look: a statement may be slow by itself.
type sentry struct {
	look   func(context.Context) error
	limit  time.Duration // of one look
	back   func()        // called when the server has come back
	logger *slog.Logger

	away atomic.Bool
	end  context.CancelFunc
	ctx  context.Context // of looks; ends with close
	wg   sync.WaitGroup

	mu      sync.Mutex
	looking bool
	closed  bool
	rested  time.Time // no look before
}

func newSentry(look func(context.Context) error, limit time.Duration, back func(), logger *slog.Logger) *sentry {
	s := &sentry{look: look, limit: limit, back: back, logger: logger}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// suspect says that something took too long or broke. It never blocks.
func (s *sentry) suspect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looking || s.closed || time.Now().Before(s.rested) {
		return
	}
	s.looking = true
	s.wg.Go(s.watch) // ends when the server answers, or with close
}

// watch looks for the server until it answers.
func (s *sentry) watch() {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.looking, s.rested = false, time.Now().Add(probeRest)
	}()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(s.ctx, s.limit)
		err := s.look(ctx)
		cancel()
		if s.ctx.Err() != nil {
			return
		}
		if present(err) {
			if s.away.Load() {
				s.back() // before anybody is let in
				s.away.Store(false)
				s.logger.Info("database is back", "away_ms", time.Since(began).Milliseconds())
			}
			return
		}
		if !s.away.Swap(true) {
			s.logger.Warn("database is away: callers are turned away at once", "error", err)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(probePause):
		}
	}
}

// close ends the look under way and waits for it.
func (s *sentry) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.wg.Wait()
}

// present reports whether the outcome of a look is a server that works. One that has
// no connection left for the look may serve those that are open.
func present(err error) bool {
	var pg *pgconn.PgError
	return err == nil || errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P")
}

// ask opens a connection past the pool and wants one answer.
func (db *DB) ask(ctx context.Context) error {
	config := db.Pool.Config().ConnConfig
	config.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it has done its work
	if _, err := conn.Exec(ctx, "SELECT 1", pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	return nil
}

// Away reports whether the server has been found to refuse connections, to shut down
// or to be silent, and has not answered since. Callers get ErrNoConnection at once
// meanwhile.
func (db *DB) Away() bool { return db.sentry.away.Load() }

// Close closes the pool. It waits until the connections in use are back.
func (db *DB) Close() {
	db.sentry.close()
	db.Pool.Close()
}
