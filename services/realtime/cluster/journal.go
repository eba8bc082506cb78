package cluster

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// codec is the wire of a bus as a journal needs it.
type codec interface {
	// entry makes of a broadcast what the log takes; the journal counts it.
	entry(b socketio.Broadcast) (broadcast.Entry, error)
	// decode reads a message of the log. The result may point into it.
	decode(message []byte) (socketio.Broadcast, error)
}

// journalOptions tune a journal; see Options for those that are there, too.
type journalOptions struct {
	hold    time.Duration
	window  time.Duration
	queue   int
	sharded bool
	keys    string // what the names of keys begin with
	onLoss  func() // messages of others may be lost for good; must not block
}

// journal is a container's part in the room log of one namespace. A bus embeds it, and
// hands it what it hears; it implements socketio.Journal.
//
// Every container hears every message of the namespace, so its place in the log is one
// number, and a missing number is something missed: it is read from the log, for the
// rooms that are here, before anything newer is delivered. Another epoch says that Redis
// lost the log. Then every container writes its own latest messages again, under the
// same counts, by which the others know what they had.
//
// While Redis is away, messages of this container reach its own players all the same,
// and the others when it is back; see own.
type journal struct {
	ns       socketio.Local
	codec    codec
	room     *broadcast.Log
	log      *slog.Logger
	opts     journalOptions
	own      own
	sessions sessions
	client   redis.UniversalClient

	filling sync.Mutex // who fills a hole; taken before deliver

	// deliver is held while something is delivered and while a client comes back, and
	// never while Redis is asked.
	deliver  sync.Mutex
	advanced *sync.Cond        // head changed
	head     broadcast.Head    // up to where everything was handled; without epoch at first
	floor    uint64            // what may come a second time: a hole was filled up to it
	holed    bool              // something above head was missed
	seen     uint64            // the highest number that came while holed
	turned   bool              // the log was lost since this container runs
	past     []string          // lost epochs
	contact  time.Time         // when head was the newest; at first, when this container began
	heard    map[string]origin // the latest messages handled, by who wrote them
	looped   uint64            // the latest own one that came from the log
	beats    int               // of the clerk
	ring     ring

	place struct { // a copy of the position, for those who hold other locks
		sync.Mutex
		offset
	}

	received                    *atomic.Uint64 // see Status
	filled, lost, epochs, alone atomic.Uint64
	life                        context.Context // of run
	end                         context.CancelFunc
	running                     sync.WaitGroup // run
}

// origin is where one writer's messages are.
type origin struct {
	count uint64
	beat  int // of the last one
}

func newJournal(client redis.UniversalClient, ns socketio.Local, channel string, c codec, received *atomic.Uint64, opts journalOptions, log *slog.Logger) *journal {
	opts.hold = cmp.Or(opts.hold, 1500*time.Millisecond)
	opts.window = min(cmp.Or(opts.window, 2*time.Minute), 5*time.Minute)
	opts.queue = cmp.Or(opts.queue, 16<<20)
	if opts.onLoss == nil {
		opts.onLoss = func() {}
	}
	j := &journal{
		ns: ns, codec: c, log: log, opts: opts, client: client, received: received,
		room:  broadcast.NewLog(client, broadcast.LogOptions{Channel: channel, Keys: opts.keys, Sharded: opts.sharded}),
		heard: map[string]origin{}, contact: time.Now(),
	}
	j.life, j.end = context.WithCancel(context.Background())
	j.advanced = sync.NewCond(&j.deliver)
	j.own.init()
	j.sessions.init(j.own.origin)
	return j
}

// start writes, and looks after holes and sessions, until stop. It is called once at
// most.
func (j *journal) start() {
	j.running.Go(func() { j.write(j.life) })
	j.running.Go(func() { j.keep(j.life) })
	j.running.Go(func() { j.clerk(j.life) })
}

// stop ends it: what is left is tried once.
func (j *journal) stop() {
	j.end()
	j.running.Wait()
}

// close waits for Redis to take what is left, for a limited time, and stops.
func (j *journal) close(limit time.Duration) {
	j.own.flush(limit)
	j.stop()
	if left := j.own.left(); left > 0 {
		j.log.Warn("events die with this container", "namespace", j.ns.Name(), "events", left)
	}
}

// Append implements socketio.Journal. ErrAlone says that so much waits for Redis that
// the others will never get this one.
func (j *journal) Append(b socketio.Broadcast) error {
	entry, err := j.codec.entry(b)
	if err != nil {
		return err
	}
	entry.Rooms = distinct(b.Rooms)
	b.Packet.Data = slices.Clone(b.Packet.Data) // the caller's, and needed later
	b.Packet.Attachments = slices.Clone(b.Packet.Attachments)
	for i, a := range b.Packet.Attachments {
		b.Packet.Attachments[i] = slices.Clone(a)
	}
	alone, err := j.own.add(entry, &b, j.opts.queue)
	switch {
	case errors.Is(err, ErrAlone):
		j.deliver.Lock()
		defer j.deliver.Unlock()
		j.deliverOwn()
		b.Offset = j.offset().String()
		j.ns.Deliver(b)
	case alone:
		j.deliver.Lock()
		defer j.deliver.Unlock()
		j.deliverOwn()
	}
	return err
}

func distinct(names []string) []string {
	if len(names) < 2 {
		return names
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// Position implements socketio.Journal.
func (j *journal) Position() string {
	j.place.Lock()
	o := j.place.offset
	j.place.Unlock()
	return o.String()
}

// offset is the position as clients are told it. deliver is held.
func (j *journal) offset() offset {
	o := offset{epoch: j.head.Epoch, number: j.head.Number}
	if ahead := j.own.ahead; ahead > j.looped {
		o.origin, o.count = j.own.origin, ahead
	}
	return o
}

// moved is called after each change of the position. deliver is held.
func (j *journal) moved() {
	o := j.offset()
	j.place.Lock()
	j.place.offset = o
	j.place.Unlock()
	j.advanced.Broadcast()
}

// pass delivers what is in no log: messages of Node servers, and volatile ones.
func (j *journal) pass(b socketio.Broadcast) {
	j.deliver.Lock()
	defer j.deliver.Unlock()
	j.ns.Deliver(b)
}

// aloneEvery is how often keep looks.
const aloneEvery = 100 * time.Millisecond

// keep has this container's own messages delivered here when the log does not bring
// them back in time. It ends with ctx.
func (j *journal) keep(ctx context.Context) {
	for sleep(ctx, aloneEvery) {
		if j.own.quiet() {
			continue
		}
		j.deliver.Lock()
		if j.own.late(j.heard[j.own.origin].count, j.head, j.opts.hold) {
			j.deliverOwn()
		}
		j.deliver.Unlock()
	}
}

// deliverOwn delivers what the log has not brought back, here alone, and has Append do
// the same at once until something comes back again. deliver is held.
func (j *journal) deliverOwn() {
	for _, m := range j.own.pending(j.heard[j.own.origin].count) {
		if !m.passed(j.head) {
			j.own.ahead = m.entry.Count
			if b := *m.b; j.isFor(b.Rooms) {
				b.Offset = j.offset().String()
				j.ns.Deliver(b)
				j.alone.Add(1)
			}
		}
		j.note(j.own.origin, m.entry.Count)
		j.moved()
	}
}

// note remembers what was handled. deliver is held.
func (j *journal) note(name string, count uint64) { j.heard[name] = origin{count, j.beats} }

// isFor says whether a message may be for somebody here.
func (j *journal) isFor(rooms []string) bool {
	return len(rooms) == 0 || slices.ContainsFunc(rooms, j.ns.HasRoom)
}

// status adds the figures of this namespace.
func (j *journal) status(s *Status) {
	j.own.mu.Lock()
	s.Logged += j.own.logged
	s.Dropped += j.own.dropped
	j.own.mu.Unlock()
	s.Filled += j.filled.Load()
	s.Alone += j.alone.Load()
	s.Lost += j.lost.Load()
	s.Epochs += j.epochs.Load()
}
