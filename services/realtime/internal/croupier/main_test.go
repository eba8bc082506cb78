package croupier

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/redisconn"
)

func TestMain(m *testing.M) {
	if os.Getenv(childHouse) != "" {
		runChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// shortLease is that of most tests. Nothing in them depends on its being kept in time.
const shortLease = 300 * time.Millisecond

// container is a Croupier that runs in this process.
type container struct {
	*Croupier
	name string
	stop func() // waits; may be called again
}

// bearer names the container to the house, as an identity token would.
type bearer struct {
	name string
	way  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.name)
	return b.way.RoundTrip(r)
}

// options of a container without connections to Redis. closed ends its own to the house.
func optionsOf(name, house string, log io.Writer) (opts Options, closed func()) {
	way := &http.Transport{}
	return Options{
		URL: house, Plain: &http.Client{Transport: way}, Signed: &http.Client{Transport: bearer{name, way}},
		Logger:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Container: name, Lease: shortLease, Timeout: 5 * time.Second,
	}, way.CloseIdleConnections
}

// start runs a container until the test ends.
func start(t testing.TB, name, house, address string, tune ...func(*Options)) *container {
	t.Helper()
	opts, closed := optionsOf(name, house, t.Output())
	opts.Redis, opts.Subscribe = dial(t, address), dial(t, address)
	for _, f := range tune {
		f(&opts)
	}
	c := &container{Croupier: New(opts), name: name}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) }) // ends with stop
	c.stop = func() {
		cancel()
		wg.Wait()
		closed()
	}
	t.Cleanup(c.stop)
	return c
}

func dial(t testing.TB, address string) redis.UniversalClient {
	t.Helper()
	client, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// leaders are the names of those that lead something.
func leaders(all ...*container) (names []string) {
	for _, c := range all {
		if c.Leading() > 0 {
			names = append(names, c.name)
		}
	}
	return names
}
