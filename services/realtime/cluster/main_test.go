package cluster

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(containerRedis); address != "" {
		runContainer(address)
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds what should happen at once, on a busy machine.
const patience = 20 * time.Second

// onEach runs test on a real Redis and on miniredis, the embedded default.
func onEach(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Server(t).URL)
	})
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, "redis://"+miniredis.RunT(t).Addr())
	})
}

func dial(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	client, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// start runs f until the test ends or the returned function is called, which waits.
func start(t *testing.T, f func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// eventually polls until check says true, and fails with what it said last.
func eventually(t *testing.T, what string, check func() (bool, any)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, got := check()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s; last: %+v", what, patience, got)
		}
		<-tick.C
	}
}

// testLog puts the log into the test's output.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// quietLog is for benchmarks.
var quietLog = slog.New(slog.DiscardHandler)

// startBench is start for benchmarks.
func startBench(b *testing.B, f func(context.Context)) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
}
