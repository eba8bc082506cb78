package redistest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, address string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.ContextTimeoutEnabled = -1, true
	c := redis.NewClient(options)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEachTestHasAnEmptyRedis(t *testing.T) {
	t.Parallel()
	began := time.Now()
	a := client(t, New(t))
	t.Logf("new: %s", time.Since(began))
	b := client(t, New(t))
	if err := a.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := b.DBSize(t.Context()).Result(); err != nil || got != 0 {
		t.Errorf("got %d keys of somebody else, %v", got, err)
	}
}

func TestASharedServerLendsLogicalDatabases(t *testing.T) {
	server := Server(t)
	t.Setenv("TEST_REDIS_URL", server.URL)
	var used string
	t.Run("inner", func(t *testing.T) {
		used = New(t)
		if other := New(t); other == used || used == server.URL {
			t.Errorf("lent %s and %s of %s", used, other, server.URL)
		}
		if err := client(t, used).Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	})
	if got := New(t); got != used {
		t.Errorf("got %s, want the first one again: %s", got, used)
	}
	if got, err := client(t, used).DBSize(t.Context()).Result(); err != nil || got != 0 {
		t.Errorf("got %d keys of the test before, %v", got, err)
	}
}

func TestAnInstanceCanBeFrozenKilledAndStarted(t *testing.T) {
	t.Parallel()
	i := Server(t)
	c := client(t, i.URL)
	ping := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return c.Ping(ctx).Err()
	}
	if err := ping(); err != nil {
		t.Fatal(err)
	}
	i.Stop()
	if ping() == nil {
		t.Error("a frozen server answered")
	}
	i.Cont()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	i.Kill()
	if ping() == nil {
		t.Error("a killed server answered")
	}
	i.Start()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}
