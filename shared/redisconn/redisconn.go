// Package redisconn opens go-redis clients that fail fast instead of hanging.
//
// With the library's defaults a command to a frozen Redis blocks for 10 seconds, and
// for 5 with a context of 150 ms; a refused connection costs 1.7 seconds of retries.
// Redis is never the place of money here, and every caller has something useful to do
// without it, so each wait is bounded and a failure is reported at once.
//
// Commands are not repeated: a PUBLISH whose answer was lost may have been delivered,
// and the callers know better than the library what may be sent twice.
package redisconn

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The bounds of every client. A context's earlier deadline wins over each of them.
const (
	DialTimeout = time.Second
	IOTimeout   = time.Second // one read or one write
	PoolTimeout = 500 * time.Millisecond
	idle        = 5 * time.Minute
)

// Config is where Redis is.
type Config struct {
	// URL is redis://[user:password@]host[:port][/db], rediss:// for TLS, or
	// unix:///path. go-redis' query parameters (pool_size, read_timeout, ...) override
	// the defaults of this package.
	URL string `env:"REDIS_URL" json:"-"`
}

// ErrNoURL is what Open says to an empty URL.
var ErrNoURL = errors.New("REDIS_URL is empty: set it to redis://host:port")

// The library prints to standard error on its own, past the structured log; it returns
// the same errors, and those are what callers log.
func init() { logging.Disable() }

// Open returns a client for commands. It connects on first use, so it succeeds while
// Redis is down. The caller closes it. Errors never show the URL: it may hold a password.
func Open(address string) (*redis.Client, error) {
	opts, err := options(address)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(opts), nil
}

// OpenPair returns two clients that share no connection, for a process that publishes
// and subscribes: what clogs one must not delay the other. The caller closes both.
func OpenPair(address string) (publish, subscribe *redis.Client, err error) {
	opts, err := options(address)
	if err != nil {
		return nil, nil, err
	}
	other := *opts
	return redis.NewClient(opts), redis.NewClient(&other), nil
}

func options(address string) (*redis.Options, error) {
	if address == "" {
		return nil, ErrNoURL
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		if broken := new(url.Error); errors.As(err, &broken) {
			err = broken.Err // without the URL
		}
		return nil, fmt.Errorf("read REDIS_URL: %w", err)
	}
	opts.ContextTimeoutEnabled = true
	opts.DialTimeout = cmp.Or(opts.DialTimeout, DialTimeout)
	opts.ReadTimeout = cmp.Or(opts.ReadTimeout, IOTimeout)
	opts.WriteTimeout = cmp.Or(opts.WriteTimeout, IOTimeout)
	opts.PoolTimeout = cmp.Or(opts.PoolTimeout, PoolTimeout)
	opts.ConnMaxIdleTime = cmp.Or(opts.ConnMaxIdleTime, idle)
	opts.MaxRetries = cmp.Or(opts.MaxRetries, -1)
	opts.DialerRetries = 1
	// RESP2: pub/sub connections carry nothing but messages, and servers from
	// miniredis to Redis 8 behave alike.
	opts.Protocol = cmp.Or(opts.Protocol, 2)
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return opts, nil
}
