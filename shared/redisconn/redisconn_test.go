package redisconn

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	client, err := Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// took fails the test unless run gives an error within limit. The limits are above the
// bounds of the package by what a busy machine adds, and far below the library's own.
func took(t *testing.T, what string, limit time.Duration, run func() error) {
	t.Helper()
	began := time.Now()
	err := run()
	if spent := time.Since(began); err == nil || spent > limit {
		t.Errorf("%s: %v after %s; want an error within %s", what, err, spent, limit)
	} else {
		t.Logf("%s: %s", what, spent)
	}
}

func TestAFrozenRedisCostsABoundedWait(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	client := open(t, server.URL)
	ctx := context.Background()
	if err := client.Ping(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	defer server.Cont()
	took(t, "a command without deadline", 2500*time.Millisecond, func() error { return client.Get(ctx, "k").Err() })
	short, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
	defer cancel()
	took(t, "a command with a deadline of 150 ms", 700*time.Millisecond, func() error { return client.Get(short, "k").Err() })
}

func TestARefusedConnectionIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	client := open(t, server.URL)
	server.Kill()
	took(t, "a command", 500*time.Millisecond, func() error { return client.Get(context.Background(), "k").Err() })
	server.Start()
	if err := client.Ping(context.Background()).Err(); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// A server that accepts and never answers stands for a cut network.
func TestASilentServerCostsABoundedWait(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	client := open(t, "redis://"+l.Addr().String())
	took(t, "the first command", 4*time.Second, func() error { return client.Ping(context.Background()).Err() })
}

func TestAPairSharesNoConnection(t *testing.T) {
	t.Parallel()
	publish, subscribe, err := OpenPair(redistest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = publish.Close(), subscribe.Close() }()
	if publish == subscribe {
		t.Error("the pair shares a client")
	}
	for _, client := range []redis.UniversalClient{publish, subscribe} {
		if err := client.Ping(context.Background()).Err(); err != nil {
			t.Error(err)
		}
	}
}
