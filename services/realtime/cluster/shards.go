package cluster

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// shards listens to sharded channels, each on the node that has its slot: one connection
// a node, a single one on a Redis that is no cluster. It follows slots that move and
// nodes that fail over, and reports a gap after every loss.
//
// The library would subscribe to all channels of a connection in one command, which a
// cluster refuses across slots, and stays silent when the node gives a slot away. So a
// connection that breaks is given up here with its subscriptions, and each channel is
// asked for anew, by itself, where its slot is then.
//
// One message is handled at a time; those of a channel in their order. Methods may be
// called concurrently, also by handlers.
type shards struct {
	client redis.UniversalClient
	log    *slog.Logger
	quiet  time.Duration
	onGap  func(Gap)
	change chan struct{} // holds one token: a channel has no lane
	turn   sync.Mutex    // held while a message or a gap is handled; taken before mu

	mu       sync.Mutex
	channels map[string]*shard
	confirms map[string]func() // who is told of subscriptions
	hosts    map[string]*host  // by address
	away     int               // channels that were lost
	whole    bool              // all were confirmed, and none is lost since
	since    time.Time         // of whole's present value
	gaps     uint64
	last     Gap
}

// shard is one channel.
type shard struct {
	handle handler
	lane   *lane // on which it was asked for; nil when on none
	heard  bool  // the lane's node has confirmed it
	lost   Gap   // since when it is lost; no Reason when it is not
	astray int   // looks in a row that saw its slot at another node
}

// host is a node that has slots of ours, or had.
type host struct {
	lane  *lane     // nil when there is none
	pause backoff   // of the lanes
	until time.Time // nothing is asked of it before
}

// newShards returns a subscriber without channels. A connection on which nothing is
// heard is given up after about twice quiet. onGap is told that messages may have been
// missed, once all channels that a node had lost, or got from another, are heard again.
// No message is handled meanwhile, so it must not block.
func newShards(client redis.UniversalClient, quiet time.Duration, onGap func(Gap), log *slog.Logger) *shards {
	return &shards{
		client: client, log: log, quiet: quiet, onGap: onGap, change: make(chan struct{}, 1),
		channels: map[string]*shard{}, confirms: map[string]func(){}, hosts: map[string]*host{}, since: time.Now(),
	}
}

// add listens to a channel, or has another handler take its messages. It does not wait
// for Redis.
func (s *shards) add(channel string, h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[channel]; c != nil {
		c.handle = h
		return
	}
	s.channels[channel] = &shard{handle: h}
	s.signal()
}

// onConfirm has f called at every subscription to a channel that is not added yet, before
// the first message of each, so that it can read elsewhere what came before. No message
// is handled meanwhile.
func (s *shards) onConfirm(channel string, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirms[channel] = f
}

// remove is the opposite of add.
func (s *shards) remove(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.confirms, channel)
	c := s.channels[channel]
	if c == nil {
		return
	}
	if c.lane != nil {
		c.lane.ask(channel, false)
		s.detach(channel, c)
	}
	if c.lost.Reason != "" {
		s.away--
	}
	delete(s.channels, channel)
	s.settle()
}

func (s *shards) signal() {
	select {
	case s.change <- struct{}{}:
	default: // the token is there already
	}
}

// again is how soon a channel that could not be asked for is tried again, and how long
// a node that refused one is left alone.
const again = 50 * time.Millisecond

// run listens until ctx ends, and has closed all connections when it returns.
func (s *shards) run(ctx context.Context) {
	var lanes sync.WaitGroup
	defer lanes.Wait()
	look := time.NewTicker(s.quiet / 2)
	defer look.Stop()
	for {
		var retry <-chan time.Time
		if !s.assign(ctx, &lanes) {
			retry = time.After(again)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.change:
		case <-retry:
		case <-look.C:
			s.look(ctx)
		}
	}
}

// assign asks for the channels that have no lane, and says whether all have one now.
func (s *shards) assign(ctx context.Context, lanes *sync.WaitGroup) bool {
	complete := true
	now := time.Now()
	for channel, client := range s.owners(ctx, func(c *shard) bool { return c.lane == nil }) {
		s.mu.Lock()
		c := s.channels[channel]
		switch {
		case c == nil || c.lane != nil: // changed meanwhile
		case client == nil:
			complete = false
		default:
			address := addressOf(client)
			n := s.hosts[address]
			if n == nil {
				n = &host{}
				s.hosts[address] = n
			}
			if n.lane == nil && now.After(n.until) {
				n.lane = newLane(s, n, address)
				lanes.Go(func() { n.lane.run(ctx, client) }) // ends with ctx, its connection or its last channel
			}
			if n.lane != nil && now.After(n.until) {
				s.attach(channel, c, n.lane)
			} else {
				complete = false
			}
		}
		s.mu.Unlock()
	}
	if !complete {
		s.reload(ctx)
	}
	return complete
}

// owners returns the nodes that have the slots of some channels, nil where none has.
func (s *shards) owners(ctx context.Context, which func(*shard) bool) map[string]redis.UniversalClient {
	found := map[string]redis.UniversalClient{}
	s.mu.Lock()
	for channel, c := range s.channels {
		if which(c) {
			found[channel] = nil
		}
	}
	s.mu.Unlock()
	for channel := range found {
		if client, err := nodeOf(ctx, s.client, channel); err == nil {
			found[channel] = client
		}
	}
	return found
}

// reload has the library look at the cluster in the background.
func (s *shards) reload(ctx context.Context) {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		c.ReloadState(ctx)
	}
}

// status is as that of subscriber.
func (s *shards) status(to *Status) (works bool, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.Gaps, to.LastGap = s.gaps, s.last
	return s.whole, s.since
}
