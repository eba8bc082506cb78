package broadcast

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Entry is a message on its way into a log.
type Entry struct {
	Rooms   []string // to which it goes, none twice; none at all: the whole namespace
	Channel string   // on which it is published
	Payload []byte   // up to where the tail follows
	Form    Form
	Count   uint64 // of the origin's messages; see Append
	ID      string // unless empty, names the event: it is in the log once in 10 minutes
	Again   bool   // see Tail
}

// Append writes entries of an origin in order and publishes them. Counts rise from one
// entry to the next; what is not above the origin's last count is in the log already and
// left out, so that whoever got no answer sends the same again. numbers are those of
// the entries, 0 where they were left out.
//
// ErrEpoch says that the log is not that of known.Epoch, and nothing was written; an
// empty epoch stands for any. Either way head is the log as it is then.
func (l *Log) Append(ctx context.Context, origin string, known Head, entries ...Entry) (head Head, numbers []uint64, err error) {
	if err := l.check(origin, entries); err != nil {
		return head, nil, err
	}
	keys := append(make([]string, 0, 2+2*len(entries)), l.base+"log", l.base+"count:"+origin)
	args := append(make([]any, 0, 7+8*len(entries)),
		NewName(), known.Epoch, known.Number, origin, l.publish, length, Keep.Milliseconds())
	for _, e := range entries {
		flag, named := "-", 0
		if e.Again {
			flag = "r"
		}
		if e.ID != "" {
			named = 1
			keys = append(keys, l.base+"id:"+e.ID)
		}
		rooms := e.Rooms
		if len(rooms) == 0 {
			rooms = []string{""}
		}
		for _, room := range rooms {
			keys = append(keys, l.stream(room))
		}
		args = append(args, fmt.Sprintf("%012d", e.Count), flag, named, len(rooms), e.Channel, e.Payload, around[e.Form][0], around[e.Form][1])
	}
	reply, err := appendScript.Run(ctx, l.client, keys, args...).Slice()
	if err != nil {
		return head, nil, fmt.Errorf("append %d messages to the log: %w", len(entries), err)
	}
	head, rest, err := parseHead(reply)
	switch {
	case err != nil:
		return head, nil, fmt.Errorf("append to the log: %w", err)
	case known.Epoch != "" && known.Epoch != head.Epoch:
		return head, nil, ErrEpoch
	case len(rest) != len(entries):
		return head, nil, fmt.Errorf("append to the log: %w", errReply)
	}
	numbers = make([]uint64, len(entries))
	first := head.Number
	for i, n := range rest {
		if place, _ := n.(int64); place > 0 {
			numbers[i] = first + uint64(place)
			head.Number = numbers[i]
		}
	}
	return head, numbers, nil
}

// check keeps what would break the form of a tail out of the log.
func (l *Log) check(origin string, entries []Entry) error {
	if len(origin) != nameSize || !isName(origin) {
		return fmt.Errorf("append to the log: origin is no name of %d characters", nameSize)
	}
	for _, e := range entries {
		if e.Count == 0 || e.Count >= 1e12 {
			return fmt.Errorf("append to the log: count %d is out of range", e.Count)
		}
	}
	return nil
}

// appendScript is one round trip for a batch. KEYS: head, last count of the origin, then
// of each entry its id unless it has none, and the streams of its rooms. ARGV: a fresh
// epoch, the known head, the origin, the command, the limits, then eight of each entry.
//
// Each entry in a stream knows the number of the one before it there (0: the first):
// by that a reader sees that nothing was cut off. A stream that cannot be appended to,
// because it is something else or from a future that was taken back, begins anew and
// says that nobody knows what was before.
var appendScript = redis.NewScript(openLog + `
local known, origin, publish = tonumber(ARGV[3]), ARGV[4], ARGV[5]
local length, keep = ARGV[6], ARGV[7]
local epoch, start, number = open(KEYS[1], ARGV[1], ARGV[2], known)
local reply = {epoch, text(start), text(number)}
if ARGV[2] ~= '' and ARGV[2] ~= epoch then return reply end

local last = redis.call('GET', KEYS[2])
local done, first = 0, number
if last and string.sub(last, 1, #epoch) == epoch then done = tonumber(string.sub(last, #epoch + 2)) end
local highest = done

local newest = {}
local function add(stream, id, message)
  local before = newest[stream]
  if not before then
    local entry = redis.pcall('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    before = entry[1] and string.match(entry[1][1], '^%d+') or '0'
  end
  local added = redis.pcall('XADD', stream, 'MAXLEN', '~', length, id, 'before', before, 'message', message)
  if type(added) == 'table' and added.err then
    redis.call('DEL', stream)
    redis.call('XADD', stream, id, 'before', '?', 'message', message)
    newest[stream] = nil
  end
  if not newest[stream] then redis.call('PEXPIRE', stream, keep) end
  newest[stream] = text(number)
end

local key = 3
for arg = 8, #ARGV, 8 do
  local count, rooms = tonumber(ARGV[arg]), tonumber(ARGV[arg + 3])
  local fresh = count > done
  if count > highest then highest = count end
  if ARGV[arg + 2] == '1' then
    if fresh and not redis.call('SET', KEYS[key], '1', 'NX', 'PX', 600000) then fresh = false end
    key = key + 1
  end
  if fresh then
    number = redis.call('HINCRBY', KEYS[1], 'number', 1)
    local message = ARGV[arg + 5] .. ARGV[arg + 6] .. 'vl1' .. ARGV[arg + 1] .. epoch ..
      string.format('%016.0f', number) .. origin .. ARGV[arg] .. ARGV[arg + 7]
    local id = text(number) .. '-0'
    for i = key, key + rooms - 1 do add(KEYS[i], id, message) end
    redis.call(publish, ARGV[arg + 4], message)
    reply[#reply + 1] = number - first
  else
    reply[#reply + 1] = 0
  end
  key = key + rooms
end
if highest > done then redis.call('SET', KEYS[2], epoch .. ':' .. text(highest), 'PX', 3600000) end
return reply
`)
