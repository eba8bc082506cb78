// Package redisconn opens go-redis clients that fail fast instead of hanging, for a
// single Redis, for one behind Sentinels, and for a Redis Cluster.
//
// With the library's defaults a command to a frozen Redis blocks for 10 seconds, and
// for 5 with a context of 150 ms; a refused connection costs 1.7 seconds of retries.
// Redis is never the place of money here, and every caller has something useful to do
// without it, so each wait is bounded and a failure is reported at once.
//
// Commands are not repeated: a PUBLISH whose answer was lost may have been delivered,
// and the callers know better than the library what may be sent twice. What a node of a
// cluster refuses because the slot is elsewhere is sent there.
package redisconn

import (
	"cmp"
	"errors"
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
	// URL is one of
	//   - redis://[user:password@]host[:port][/db],
	//   - redis-sentinel://[user:password@]host:port,host:port/master[/db]: the Redis that
	//     the Sentinels at these addresses know by the name of master. User and password
	//     are the Redis', sentinel_username and sentinel_password theirs,
	//   - redis-cluster://[user:password@]host:port,host:port: some nodes of a cluster,
	//   - unix:///path,
	//
	// with rediss instead of redis for TLS, whose authorities ca_file names (the
	// system's without). go-redis' query parameters (pool_size, read_timeout, ...)
	// override the defaults of this package.
	URL string `env:"REDIS_URL" json:"-"`
}

// ErrNoURL is what Open says to an empty URL.
var ErrNoURL = errors.New("REDIS_URL is empty: set it to redis://host:port")

// The library prints to standard error on its own, past the structured log; it returns
// the same errors, and those are what callers log.
func init() { logging.Disable() }

// Open returns a client for commands. It connects on first use, so it succeeds while
// Redis is down. The caller closes it. Errors never show the URL: it may hold a password.
func Open(url string) (redis.UniversalClient, error) {
	a, err := parse(url)
	if err != nil {
		return nil, err
	}
	return a.client(), nil
}

// OpenPair returns two clients that share no connection, for a process that publishes
// and subscribes: what clogs one must not delay the other. The caller closes both.
func OpenPair(url string) (publish, subscribe redis.UniversalClient, err error) {
	a, err := parse(url)
	if err != nil {
		return nil, nil, err
	}
	return a.client(), a.client(), nil
}

// bound sets what the URL has not.
func bound(o *redis.Options) {
	o.ContextTimeoutEnabled = true
	o.DialTimeout = cmp.Or(o.DialTimeout, DialTimeout)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, IOTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, IOTimeout)
	o.PoolTimeout = cmp.Or(o.PoolTimeout, PoolTimeout)
	o.ConnMaxIdleTime = cmp.Or(o.ConnMaxIdleTime, idle)
	o.MaxRetries = cmp.Or(o.MaxRetries, -1)
	o.DialerRetries = 1
	// RESP2: pub/sub connections carry nothing but messages, and servers from
	// miniredis to Redis 8 behave alike.
	o.Protocol = cmp.Or(o.Protocol, 2)
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
