package broadcast

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// returnTime is how long the servers may take to subscribe again after Redis came
	// back; this project's do within 2 s.
	returnTime = 3 * time.Second
	// firstTime is how long an emitter that found Redis away, and so cannot know how
	// many listened before, leaves them to come: their attempts are 1 s apart at most.
	firstTime  = 1500 * time.Millisecond
	returnPoll = 20 * time.Millisecond
)

// listeners keeps an emitter from speaking to an empty room. Redis drops what nobody
// is subscribed to: an emitter that reaches a restarted Redis before the servers do
// would lose its events without an error. So it asks who listens before it publishes,
// and after a new connection waits until as many servers listen as before, or until
// returnTime has passed, for servers that have been taken away.
//
// It is a redis.Hook: a dial is how a process notices that its connection was lost,
// since go-redis replaces dead idle connections without an error. Asking first makes
// the dial come before the publish.
type listeners struct {
	channel string       // to which every server subscribes once, after its patterns
	dialed  atomic.Int64 // time of the last dial in ns; 0: looked at since
	heard   atomic.Int64 // how many servers listened when all was well
	refused atomic.Bool  // a dial failed, and nobody looked since
}

// await returns nil when it is time to publish. An error is Redis' or the context's.
func (l *listeners) await(ctx context.Context, client redis.UniversalClient) error {
	for {
		counts, err := client.PubSubNumSub(ctx, l.channel).Result()
		if err != nil {
			return fmt.Errorf("count the listening servers: %w", err)
		}
		count, since := counts[l.channel], l.dialed.Load()
		if l.complete(count, since) {
			l.heard.Store(count)
			l.refused.Store(false)
			l.dialed.CompareAndSwap(since, 0)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the servers that listened before: %w", context.Cause(ctx))
		case <-time.After(returnPoll):
		}
	}
}

// complete reports whether count servers are all that will listen, on a connection of
// the time since.
func (l *listeners) complete(count, since int64) bool {
	before, age := l.heard.Load(), time.Since(time.Unix(0, since))
	switch {
	case since == 0:
		return true
	case before == 0 && l.refused.Load():
		return age > firstTime
	default:
		return count >= before || age > returnTime
	}
}

func (l *listeners) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			l.dialed.Store(time.Now().UnixNano())
		} else {
			l.refused.Store(true)
		}
		return conn, err
	}
}

func (l *listeners) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *listeners) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
