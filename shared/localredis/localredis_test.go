package localredis

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func client(t *testing.T, s *Server) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestKeptDataSurvivesAStop(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), Keep: true}
	first := start(t, opts)
	if err := client(t, first).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := start(t, opts)
	if got, err := client(t, second).Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAKilledServerStartsAgainEmptyOnItsPort(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: t.TempDir()})
	addr := s.Addr()
	if err := client(t, s).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("address %s, was %s", s.Addr(), addr)
	}
	if err := client(t, s).Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("got %v, want redis.Nil", err)
	}
}

func TestAFrozenServerAnswersAgainAfterThaw(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: t.TempDir()})
	c := client(t, s)
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Error("a frozen server answered")
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestAFixedPortThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: t.TempDir()})
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Port: s.port})
	if !errors.Is(err, errPortTaken) {
		t.Errorf("got %v", err)
	}
}
