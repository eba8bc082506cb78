package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// server answers looks as the test says; while silent it does not answer at all.
type server struct {
	silent atomic.Bool
	err    atomic.Pointer[error]
	looks  atomic.Int32
}

func (s *server) look(ctx context.Context) error {
	s.looks.Add(1)
	if s.silent.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *server) say(err error) { s.err.Store(&err) }

func TestTheSentryBelievesItsOwnLook(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		away bool
	}{
		{"an answer", nil, false},
		{"refused", errors.New("connection refused"), true},
		{"starting up", &pgconn.PgError{Code: "57P03"}, true},
		{"shut down by hand", &pgconn.PgError{Code: "57P01"}, true},
		{"no connection left for the look", &pgconn.PgError{Code: "53300"}, false},
		{"wrong password", &pgconn.PgError{Code: "28P01"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var server server
				server.say(test.err)
				s := newSentry(server.look, 2*time.Second, func() {}, slog.New(slog.DiscardHandler))
				defer s.close()
				s.suspect()
				synctest.Wait()
				if got := s.away.Load(); got != test.away {
					t.Errorf("away = %t, want %t", got, test.away)
				}
			})
		})
	}
}

func TestOneLookAtATimeFindsTheServerAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var server server
		server.silent.Store(true)
		backs := 0
		s := newSentry(server.look, 2*time.Second, func() { backs++ }, slog.New(slog.DiscardHandler))
		defer s.close()
		for range 100 {
			s.suspect()
		}
		synctest.Wait()
		if n := server.looks.Load(); n != 1 || s.away.Load() {
			t.Errorf("at once: %d looks, away %t; want 1 look and no verdict", n, s.away.Load())
		}
		<-time.After(2*time.Second + time.Millisecond)
		if !s.away.Load() {
			t.Error("a server that is silent for the limit is not away")
		}
		<-time.After(time.Minute) // the sentry goes on without being asked
		server.silent.Store(false)
		began := time.Now()
		for s.away.Load() {
			<-time.After(10 * time.Millisecond)
		}
		if took := time.Since(began); took > 2*time.Second+2*probePause || backs != 1 {
			t.Errorf("found again after %s, told %d times", took, backs)
		}
		// A suspicion right after a good look leads to no other one.
		synctest.Wait()
		before := server.looks.Load()
		s.suspect()
		synctest.Wait()
		if n := server.looks.Load(); n != before {
			t.Errorf("%d looks right after a good one", n-before)
		}
		<-time.After(probeRest)
		s.suspect()
		synctest.Wait()
		if n := server.looks.Load(); n != before+1 {
			t.Errorf("%d looks later, want 1", n-before)
		}
	})
}

func TestTheEndOfThePoolEndsTheLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var server server
		server.silent.Store(true)
		s := newSentry(server.look, time.Hour, func() {}, slog.New(slog.DiscardHandler))
		s.suspect()
		synctest.Wait()
		began := time.Now()
		s.close()
		s.suspect()
		if time.Since(began) != 0 || server.looks.Load() != 1 {
			t.Errorf("closed after %s, %d looks", time.Since(began), server.looks.Load())
		}
	})
}
