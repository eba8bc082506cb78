package broadcast

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrEpoch says that the log is not the one that was meant: Redis lost its data since.
var ErrEpoch = errors.New("log has another epoch")

// Keep is how long a room's part of a log outlives the last message to the room.
const Keep = 10 * time.Minute

// length is how many messages a room's part holds, and a few more: Redis drops them in
// blocks.
const length = 10_000

// Log is the room log of one namespace in Redis: every message has a number, and those
// of each room are kept in a stream. It is appended to and published in one step, so
// that the order on the channels is the order of the numbers, and whoever listens to
// all channels of the namespace sees every number: a hole is something missed.
//
// Its keys lie in the slot of the namespace's channel, as long as the name of the
// namespace has no braces. Methods may be called concurrently.
type Log struct {
	client  redis.UniversalClient
	base    string // of its keys
	publish string // the command
}

// LogOptions say where a log is.
type LogOptions struct {
	Channel string // of the namespace; see Channel
	Keys    string // what the names of keys begin with; "vegas" when empty
	Sharded bool   // publish with SPUBLISH
}

// NewLog returns the log of a namespace. The client should not repeat commands by
// itself: the log does, and knows which.
func NewLog(client redis.UniversalClient, opts LogOptions) *Log {
	if opts.Keys == "" {
		opts.Keys = "vegas"
	}
	l := &Log{client: client, base: opts.Keys + ":{" + opts.Channel + "}:", publish: "PUBLISH"}
	if opts.Sharded {
		l.publish = "SPUBLISH"
	}
	return l
}

// Key is a key in the log's slot.
func (l *Log) Key(name string) string { return l.base + name }

func (l *Log) stream(room string) string { return l.base + "log:" + room }

// Head is what somebody knows of a log; the zero value is nothing.
type Head struct {
	Epoch  string
	Start  uint64 // the number before the first one of the epoch
	Number uint64 // of the newest message
	// Age of the epoch by Redis' clock, as Log.Head tells it.
	Age time.Duration
}

// Head returns the newest state. When the log is lost, or behind what the caller knows
// of the same epoch (a replica took over that did not have everything), it begins with
// a new epoch.
func (l *Log) Head(ctx context.Context, known Head) (Head, error) {
	reply, err := headScript.Run(ctx, l.client, []string{l.base + "log"}, NewName(), known.Epoch, known.Number).Slice()
	if err != nil {
		return Head{}, fmt.Errorf("read the head of the log: %w", err)
	}
	head, rest, err := parseHead(reply)
	if err != nil || len(rest) != 1 {
		return Head{}, fmt.Errorf("read the head of the log: %w", errReply)
	}
	age, _ := rest[0].(int64)
	head.Age = time.Duration(age) * time.Microsecond
	return head, nil
}

// NewName returns a random name of an epoch or an origin.
func NewName() string {
	var raw [5]byte
	rand.Read(raw[:]) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
}

// openLog begins every script: the head, made when there is none. Numbers begin with
// the time in microseconds: what is left of a lost log is always older. Redis' numbers
// would lose digits on their way to text, so they are formatted.
const openLog = `
local function text(number) return string.format('%.0f', number) end

local function open(key, fresh, expected, known)
  local head = redis.call('HMGET', key, 'epoch', 'start', 'number')
  local epoch, start, number = head[1], tonumber(head[2] or ''), tonumber(head[3] or '')
  if not (epoch and start and number) or (epoch == expected and number < known) then
    local time = redis.call('TIME')
    start = math.max(time[1] * 1000000 + time[2], number or 0, known)
    epoch, number = fresh, start
    redis.call('HSET', key, 'epoch', epoch, 'start', text(start), 'number', text(start))
  end
  redis.call('PEXPIRE', key, 86400000)
  return epoch, start, number
end
`

var headScript = redis.NewScript(openLog + `
local epoch, start, number = open(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
local time = redis.call('TIME')
return {epoch, text(start), text(number), math.max(0, time[1] * 1000000 + time[2] - start)}
`)

// parseHead reads the first three elements of every script's reply.
func parseHead(reply []any) (h Head, rest []any, err error) {
	if len(reply) < 3 {
		return h, nil, errReply
	}
	h.Epoch, _ = reply[0].(string)
	for i, n := range []*uint64{&h.Start, &h.Number} {
		digits, _ := reply[i+1].(string)
		if *n, err = strconv.ParseUint(digits, 10, 64); err != nil {
			return h, nil, errReply
		}
	}
	return h, reply[3:], nil
}

var errReply = errors.New("reply of a script is malformed")
