// Package redistest gives tests a real Redis.
//
// New starts a small redis-server for the test alone (about 15 ms), because
// channels and scripts belong to the whole server. When TEST_REDIS_URL is set, New
// hands out logical databases of that server instead, and tests share its channels.
// Server gives a test one that it may kill and freeze, Sentinel one with a replica that
// Sentinels watch, Cluster a Redis Cluster of six nodes.
//
// All functions may be called from parallel tests. A server that cannot be had
// fails the test.
package redistest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/localredis"
)

// patience bounds every step on a busy machine.
const patience = time.Minute

// New returns the URL of an empty Redis that is the test's own until its end.
func New(t testing.TB) (address string) {
	t.Helper()
	if shared := os.Getenv("TEST_REDIS_URL"); shared != "" {
		return borrow(t, shared)
	}
	dir, err := os.MkdirTemp("", "vegas-redistest-")
	if err != nil {
		t.Fatalf("make a folder for Redis: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := localredis.Start(ctx, localredis.Options{Dir: dir, Leave: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return server.URL()
}

// borrow takes a free logical database of a shared server. Database 0 keeps who has
// which; a claim runs out by itself after an hour in case a test binary was killed.
func borrow(t testing.TB, shared string) string {
	t.Helper()
	options, err := redis.ParseURL(shared)
	if err != nil {
		t.Fatalf("read TEST_REDIS_URL: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	options.DB = 0
	registry := redis.NewClient(options)
	defer registry.Close()
	for n := 1; ; n++ {
		free, err := registry.SetNX(ctx, claim(n), os.Getpid(), time.Hour).Result()
		if err != nil {
			t.Fatalf("claim a logical database: %v", err)
		}
		if !free {
			continue
		}
		if err := flush(ctx, *options, n); err != nil {
			t.Fatalf("claim a logical database (raise `databases` of the server?): %v", err)
		}
		t.Cleanup(func() { giveBack(t, *options, n) })
		u, err := url.Parse(shared)
		if err != nil {
			t.Fatalf("read TEST_REDIS_URL: %v", err)
		}
		u.Path = "/" + strconv.Itoa(n)
		return u.String()
	}
}

func claim(n int) string { return fmt.Sprintf("redistest:%d", n) }

func flush(ctx context.Context, options redis.Options, n int) error {
	options.DB = n
	c := redis.NewClient(&options)
	defer func() { _ = c.Close() }()
	return c.FlushDB(ctx).Err()
}

func giveBack(t testing.TB, options redis.Options, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := flush(ctx, options, n); err != nil {
		t.Errorf("empty logical database %d: %v", n, err)
	}
	registry := redis.NewClient(&options)
	defer registry.Close()
	if err := registry.Del(ctx, claim(n)).Err(); err != nil {
		t.Errorf("give logical database %d back: %v", n, err)
	}
}
