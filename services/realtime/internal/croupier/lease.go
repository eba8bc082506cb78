package croupier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	prefix  = "vegas"
	channel = prefix + ":croupier"
	// memory is how long a counter outlives the last lease. One that is gone costs the next
	// leader a refusal.
	memory = 7 * 24 * time.Hour
	// highest is the last fence number that Lua and JSON hold exactly.
	highest = 1<<53 - 1
)

// takeLease takes a lease that nobody holds, or that this container holds by an answer
// that was lost.
//
// KEYS: lease, counter. ARGV: container, life in ms, a fence number that was seen, the
// counter's life in ms. It returns the fence number, or 0 and the rest of the life of
// somebody else's lease in ms.
//
// A fence number is Redis' time in ms, or one more than the last if that is higher. So a
// Redis that lost the counter, or a replica that had not got it, gives out no number again
// that is in use.
var takeLease = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^(.*) %d+$') ~= ARGV[1] then
  return {0, redis.call('PTTL', KEYS[1])}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0') + 1, tonumber(ARGV[3]) + 1)
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text, 'PX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. text, 'PX', ARGV[2])
return {fence, 0}
`)

// renewLease gives a lease its whole life again, and its counter back when that was lost.
//
// KEYS: lease, counter. ARGV: what the lease holds, life in ms, fence number, the counter's
// life in ms. It returns 1, or 0 when the lease is not the caller's any more.
var renewLease = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[3]) then
  redis.call('SET', KEYS[2], ARGV[3])
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
`)

// releaseLease gives a lease back and tells those who wait for it.
//
// KEYS: lease. ARGV: what it holds, channel, table.
var releaseLease = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
`)

// leases takes and keeps those of one container. Its methods may be called concurrently.
type leases struct {
	client    redis.UniversalClient
	container string
	life      time.Duration
}

// lease is a table's. Its fence number is this holder's alone.
type lease struct {
	table, value string
	fence        int64

	mu    sync.Mutex
	until time.Time
}

// keys share one slot of a Redis Cluster.
func keys(table string) []string {
	key := prefix + ":{croupier:" + table + "}"
	return []string{key, key + ":fence"}
}

// take returns the table's lease, or how long somebody else's lasts. seen is the highest
// fence number that is known to have been used.
func (l *leases) take(ctx context.Context, table string, seen int64) (taken *lease, rest time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.life/3)
	defer cancel()
	asked := time.Now()
	answer, err := takeLease.Run(ctx, l.client, keys(table), l.container, l.life.Milliseconds(), seen, memory.Milliseconds()).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = errors.New("the script's answer is not two numbers")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("take the lease of %s: %w", table, err)
	}
	if answer[0] == 0 {
		return nil, min(max(time.Duration(answer[1])*time.Millisecond, 0), l.life), nil
	}
	taken = &lease{table: table, value: fmt.Sprint(l.container, " ", answer[0]), fence: answer[0]}
	taken.extend(asked, l.life)
	return taken, 0, nil
}

// renew makes the lease last again. It says false when the lease is somebody else's, or
// lost. An error says nothing about the lease.
func (l *leases) renew(ctx context.Context, of *lease) (bool, error) {
	asked := time.Now()
	ctx, cancel := context.WithDeadline(ctx, earlier(asked.Add(l.life/3), of.end()))
	defer cancel()
	kept, err := renewLease.Run(ctx, l.client, keys(of.table), of.value, l.life.Milliseconds(), of.fence, memory.Milliseconds()).Bool()
	if err != nil {
		return false, fmt.Errorf("renew the lease of %s: %w", of.table, err)
	}
	if kept {
		of.extend(asked, l.life)
	}
	return kept, nil
}

// release gives the lease back if it still is this container's.
func (l *leases) release(ctx context.Context, of *lease) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := releaseLease.Run(ctx, l.client, keys(of.table)[:1], of.value, channel, of.table).Err(); err != nil {
		return fmt.Errorf("release the lease of %s: %w", of.table, err)
	}
	return nil
}

// extend notes that a request of the given time made the lease last for its life. A tenth
// is left for clocks that differ in speed.
func (l *lease) extend(asked time.Time, life time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = asked.Add(life - life/10)
}

// end is when the holder has to stop: a time with a monotonic reading.
func (l *lease) end() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

// valid says that nobody else can have the lease now.
func (l *lease) valid() bool { return time.Now().Before(l.end()) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
