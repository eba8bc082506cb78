package stack

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/vegascore/vegascore/shared/localredis"
)

// miniredisTick is how often miniredis is told the time; it does not look itself.
const miniredisTick = 50 * time.Millisecond

// startRedis takes what is configured, else a redis-server, else miniredis.
func (s *Stack) startRedis(ctx context.Context) (how string, err error) {
	if s.opts.RedisURL != "" {
		s.vars.redisURL = s.opts.RedisURL
		return "from REDIS_URL", nil
	}
	port, err := s.state.port("redis")
	if err != nil {
		return "", err
	}
	if s.opts.Redis == RedisServer || s.opts.Redis == RedisAuto && localredis.Installed() {
		s.redis, err = localredis.Start(ctx, localredis.Options{Dir: s.state.path("redis"), Port: port, Keep: true})
		if err != nil {
			return "", err
		}
		s.vars.redisURL = s.redis.URL()
		return "private redis-server in " + s.show(s.state.path("redis")), nil
	}
	if s.opts.Adapter.Sharded() {
		return "", fmt.Errorf("ADAPTER=%s needs a redis-server on PATH or a REDIS_URL: miniredis has no sharded channels", s.opts.Adapter)
	}
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:" + strconv.Itoa(port)); err != nil {
		return "", fmt.Errorf("start miniredis: %w", err)
	}
	s.mini = m
	s.vars.redisURL = "redis://" + m.Addr() + "/0"
	s.background.Go(func() { keepTime(s.ctx, m) }) // ends with the stack
	return "miniredis in this process (no redis-server on PATH), forgets at the end", nil
}

// keepTime lets the keys of miniredis expire.
func keepTime(ctx context.Context, m *miniredis.Miniredis) {
	tick := time.NewTicker(miniredisTick)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			m.FastForward(now.Sub(last))
			last = now
		}
	}
}
