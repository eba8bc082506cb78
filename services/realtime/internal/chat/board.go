package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/cluster"
)

// Message is what a player said in a room. Text is as the player wrote it: whoever
// shows it must show it as text.
type Message struct {
	ID   string         `json:"id"` // unique; later ones of a container sort after earlier ones
	Room string         `json:"room"`
	From cluster.Member `json:"from"`
	Text string         `json:"text"`
	At   time.Time      `json:"at"` // UTC, whole milliseconds
}

// Posted is what became of a message.
type Posted struct {
	Message Message // with its id and time; those of the first time when Again
	Stored  bool    // it is in the history of all containers
	Again   bool    // it was posted before, under the same key
}

// Options tune a [Board]; the zero value is what production uses.
type Options struct {
	Prefix string        // of the keys in Redis; "vegas" when empty
	Keep   int           // messages of a room; 50 when 0
	For    time.Duration // how long a quiet room keeps them; 2 h when 0
	Retry  time.Duration // how long a key is remembered; 10 min when 0
	Limit  time.Duration // of one round trip, since a player waits for it; 300 ms when 0

	Player  Rule // of one player's messages, on all containers; 2 a second after 10
	Address Rule // of messages from one address; 20 a second after 100
}

// Board holds the last messages of each room. Its methods may be called concurrently.
type Board struct {
	client redis.UniversalClient
	opts   Options
	log    *slog.Logger
	redis  breaker
	shelf  *shelf
	paces  *paces
}

// ErrAlone says that Redis is away, or that there is none.
var ErrAlone = errors.New("redis is away: this container only")

// New returns a board that keeps its messages in Redis, in memory while Redis is away,
// and in memory alone without a client.
func New(client redis.UniversalClient, opts Options, log *slog.Logger) *Board {
	opts.Prefix = cmp.Or(opts.Prefix, "vegas")
	opts.Keep = cmp.Or(opts.Keep, 50)
	opts.For = cmp.Or(opts.For, 2*time.Hour)
	opts.Retry = cmp.Or(opts.Retry, 10*time.Minute)
	opts.Limit = cmp.Or(opts.Limit, 300*time.Millisecond)
	opts.Player = cmp.Or(opts.Player, Rule{Every: 500 * time.Millisecond, Burst: 10})
	opts.Address = cmp.Or(opts.Address, Rule{Every: 50 * time.Millisecond, Burst: 100})
	return &Board{client: client, opts: opts, log: log, shelf: newShelf(opts.Keep, opts.For), paces: newPaces()}
}

// post keeps a message unless its key is known, and returns the message that is.
//
// KEYS: the room's history, newest first, and the message's key when it has one. ARGV:
// message, how many to keep, for how many ms, and how long the key is remembered in ms.
var post = redis.NewScript(`
if KEYS[2] then
  local before = redis.call('GET', KEYS[2])
  if before then return before end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return ''
`)

// Post keeps a message, and gives it its id and its time. key is the player's own name
// for it, "" for none: a second message of that key in the room is not kept, and the
// first one is returned. It never fails: without Redis this container alone knows.
func (b *Board) Post(ctx context.Context, m Message, key string) Posted {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New() // both take the same random bytes, which never fail
	}
	m.ID, m.At = id.String(), time.Now().UTC().Truncate(time.Millisecond)
	if before, ok := b.shelf.find(m.Room, m.From.ID, key); ok {
		return Posted{Message: before.message, Stored: before.stored, Again: true}
	}
	before, err := b.store(ctx, m, key)
	if err == nil && before != nil {
		return Posted{Message: *before, Stored: true, Again: true}
	}
	if first, ok := b.shelf.add(m, key, err == nil); !ok { // another socket was faster
		return Posted{Message: first.message, Stored: first.stored, Again: true}
	}
	return Posted{Message: m, Stored: err == nil}
}

// store writes a message to Redis and returns the one that was there under its key.
func (b *Board) store(ctx context.Context, m Message, key string) (before *Message, err error) {
	if b.client == nil || b.redis.open() {
		return nil, ErrAlone
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	keys := []string{b.key(m.Room)}
	if key != "" {
		keys = append(keys, b.key(m.Room)+":"+m.From.ID+":"+key)
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.Limit)
	defer cancel()
	reply, err := post.Run(ctx, b.client, keys, text, b.opts.Keep, b.opts.For.Milliseconds(), b.opts.Retry.Milliseconds()).Text()
	b.note(ctx, err)
	switch {
	case err != nil:
		return nil, fmt.Errorf("post message: %w", err)
	case reply == "":
		return nil, nil
	}
	before = new(Message)
	if err := json.Unmarshal([]byte(reply), before); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return before, nil
}

// History returns the last messages of a room, oldest first. With ErrAlone it is what
// was said at this container.
func (b *Board) History(ctx context.Context, room string) ([]Message, error) {
	if b.client == nil {
		return b.shelf.list(room), nil
	}
	if b.redis.open() {
		return b.shelf.list(room), ErrAlone
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.Limit)
	defer cancel()
	texts, err := b.client.LRange(ctx, b.key(room), 0, int64(b.opts.Keep)-1).Result()
	b.note(ctx, err)
	if err != nil {
		return b.shelf.list(room), fmt.Errorf("read history of %s: %w: %w", room, ErrAlone, err)
	}
	messages := make([]Message, 0, len(texts))
	for i := len(texts) - 1; i >= 0; i-- {
		var m Message
		if err := json.Unmarshal([]byte(texts[i]), &m); err != nil {
			return nil, fmt.Errorf("read history of %s: %w", room, err)
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// note tells the breaker, and the log at the beginning of an outage.
func (b *Board) note(ctx context.Context, err error) {
	if b.redis.note(err) {
		b.log.WarnContext(ctx, "chat is local only", "error", err)
	}
}

// key is a room's history; the braces keep it and the keys of its messages in one slot
// of a cluster.
func (b *Board) key(room string) string { return b.opts.Prefix + ":{chat:" + room + "}" }
