package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Range is a part of a room's messages: those above After.
type Range struct {
	Room  string // "" for the messages to the whole namespace
	After uint64
}

// Logged is a message that was read from a log.
type Logged struct {
	Tail
	Message string // whole, as it was published
}

// Slice is what a Range found.
type Slice struct {
	Messages []Logged // by number
	// Complete says that there was nothing else in the range: no message was cut off
	// because there were too many, or is there no more. That a room has no stream at all
	// means that nothing was sent to it for Keep.
	Complete bool
}

// Read returns messages of rooms as they are at one moment, up to the number until (0:
// the newest) and at most limit of each room. Head is the log at that moment; when it
// is not that of known.Epoch, which may be empty for any, there are no slices.
func (l *Log) Read(ctx context.Context, known Head, until uint64, limit int, ranges ...Range) (Head, []Slice, error) {
	end := "+"
	if until > 0 {
		end = strconv.FormatUint(until, 10) + "-0"
	}
	keys := append(make([]string, 0, 1+len(ranges)), l.base+"log")
	args := append(make([]any, 0, 5+len(ranges)), NewName(), known.Epoch, known.Number, end, limit+1)
	for _, r := range ranges {
		keys = append(keys, l.stream(r.Room))
		args = append(args, strconv.FormatUint(r.After+1, 10)+"-0")
	}
	reply, err := readScript.Run(ctx, l.client, keys, args...).Slice()
	if err != nil {
		return Head{}, nil, fmt.Errorf("read the log of %d rooms: %w", len(ranges), err)
	}
	head, rest, err := parseHead(reply)
	if err != nil || len(rest) == 0 {
		return head, nil, err
	}
	if len(rest) != len(ranges) {
		return head, nil, fmt.Errorf("read the log: %w", errReply)
	}
	slices := make([]Slice, len(ranges))
	for i, r := range ranges {
		if slices[i], err = parseSlice(rest[i], r.After, limit); err != nil {
			return head, nil, fmt.Errorf("read the log of room %s: %w", r.Room, err)
		}
	}
	return head, slices, nil
}

// parseSlice reads pairs of the number before and the message.
func parseSlice(reply any, after uint64, limit int) (s Slice, err error) {
	pairs, _ := reply.([]any)
	s.Complete = true
	for i := 0; i+1 < len(pairs); i += 2 {
		if i/2 == limit {
			s.Complete = false
			break
		}
		before, _ := pairs[i].(string)
		message, _ := pairs[i+1].(string)
		tail, ok := ParseTail(message)
		if !ok {
			return s, errReply
		}
		if n, err := strconv.ParseUint(before, 10, 64); err != nil || n > after {
			s.Complete = false
		}
		after = tail.Number
		s.Messages = append(s.Messages, Logged{tail, message})
	}
	return s, nil
}

// readScript takes all rooms at one moment. KEYS: head, streams. ARGV: a fresh epoch,
// the known head, the end, the limit, the beginning of each.
var readScript = redis.NewScript(openLog + `
local epoch, start, number = open(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
local reply = {epoch, text(start), text(number)}
if ARGV[2] ~= '' and ARGV[2] ~= epoch then return reply end
for i = 2, #KEYS do
  local found, entries = {}, redis.pcall('XRANGE', KEYS[i], ARGV[i + 4], ARGV[4], 'COUNT', ARGV[5])
  for _, entry in ipairs(entries) do
    found[#found + 1] = entry[2][2]
    found[#found + 1] = entry[2][4]
  end
  reply[#reply + 1] = found
end
return reply
`)

// Count is the last count of an origin that is in the log of an epoch; 0 when there is
// none, or it was an hour ago.
func (l *Log) Count(ctx context.Context, epoch, origin string) (uint64, error) {
	text, err := l.client.Get(ctx, l.base+"count:"+origin).Result()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the count of an origin: %w", err)
	}
	count, ok := strings.CutPrefix(text, epoch+":")
	if !ok {
		return 0, nil
	}
	return strconv.ParseUint(count, 10, 64)
}
