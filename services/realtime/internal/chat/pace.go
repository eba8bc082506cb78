package chat

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

// Rule is how often something may be done: Burst times at once, then once Every.
type Rule struct {
	Every time.Duration
	Burst int
}

// gcra is the generic cell rate algorithm: the key holds the time, in microseconds of
// Redis' own clock, at which everything taken so far is paid for.
//
// ARGV: Every in µs, Burst. It returns how many µs are to be waited; 0: it is taken.
var gcra = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local every, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = paid + every - burst * every - now
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', paid + every), 'PX', math.ceil((paid + every - now) / 1000) + 1)
return 0
`)

// Pace says how long a player at an address has to wait before the next message; 0
// takes one. This container's own pace comes first, so that a flood costs Redis
// nothing; while Redis is away it decides alone. An empty address has no pace.
func (b *Board) Pace(ctx context.Context, player, address string) time.Duration {
	asks := []struct {
		key  string
		rule Rule
	}{{"player:" + player, b.opts.Player}, {"address:" + address, b.opts.Address}}
	if address == "" {
		asks = asks[:1]
	}
	var wait time.Duration
	for _, ask := range asks {
		wait = max(wait, b.paces.take(ask.key, ask.rule))
	}
	if wait > 0 || b.client == nil || b.redis.open() {
		return wait
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.Limit)
	defer cancel()
	pipe := b.client.Pipeline()
	replies := make([]*redis.Cmd, len(asks))
	for i, ask := range asks {
		// The whole script: it is short, and a restarted Redis does not know its hash.
		replies[i] = gcra.Eval(ctx, pipe, []string{b.opts.Prefix + ":{pace:" + ask.key + "}"}, ask.rule.Every.Microseconds(), ask.rule.Burst)
	}
	_, err := pipe.Exec(ctx)
	b.note(ctx, err)
	for _, reply := range replies {
		if µs, err := reply.Int64(); err == nil {
			wait = max(wait, time.Duration(µs)*time.Microsecond)
		}
	}
	return wait
}

// paces are the paces of one container.
type paces struct {
	mu    sync.Mutex
	of    map[string]*rate.Limiter
	swept time.Time
}

// sweepEvery bounds how long limiters are kept that are full again, and as good as new.
const sweepEvery = 10 * time.Second

func newPaces() *paces { return &paces{of: map[string]*rate.Limiter{}, swept: time.Now()} }

// take returns how long there is to wait; 0: it is taken.
func (p *paces) take(key string, rule Rule) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.swept) > sweepEvery {
		for id, limiter := range p.of {
			if limiter.TokensAt(now) >= float64(limiter.Burst()) {
				delete(p.of, id)
			}
		}
		p.swept = now
	}
	limiter := p.of[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(rule.Every), rule.Burst)
		p.of[key] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - limiter.TokensAt(now)) * float64(rule.Every))
}
