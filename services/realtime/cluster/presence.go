package cluster

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// PresenceOptions tune a [Presence]; the zero value is what production uses.
type PresenceOptions struct {
	Prefix    string        // of the keys in Redis; "vegas" when empty
	Container string        // unique per process; random when empty
	Lease     time.Duration // a killed container's players are gone after it; 30 s when 0
	Renew     time.Duration // how often leases are renewed; a third of Lease when 0
	Look      time.Duration // how often Redis is asked what it still has, and the cluster counted; 1 s when 0
	Farewell  time.Duration // for the last write, which takes the players off the lists; 1 s when 0

	// Sockets is how many sockets this container has, for Cluster; none when nil.
	Sockets func() int
	// Changed is told who came to a room and who went, seen over all containers, each
	// by exactly one container. It is called by Run's goroutine, one call at a time.
	Changed func(Change)
}

// Member is one player in a room, however many sockets they have.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Change is who came and who went in one room, and what it holds now.
type Change struct {
	Room         string
	Joined, Left []Member
	Members      int // players
	Sockets      int
}

// ErrAlone says that an answer knows only this container, because Redis is away.
var ErrAlone = errors.New("redis is away: this container only")

// Presence knows who is in which room across all containers. The truth about its own
// sockets is in memory; Redis holds it as leases that Run renews, so that a lost or
// emptied Redis is filled again and the players of a killed container run out.
//
// All methods may be called concurrently. Join and Leave never wait for Redis.
type Presence struct {
	client redis.UniversalClient
	opts   PresenceOptions
	log    *slog.Logger
	wake   chan struct{} // holds one token: there is something to write

	mu      sync.Mutex
	rooms   map[string]map[string]*seat
	sockets map[string]int                // by room: the sum of its seats' tabs
	dirty   map[string]map[string]parting // room, player: differs from Redis; a room alone: its number of sockets does
	renew   bool                          // everything is to be written
	due     bool                          // all rooms are to be written, for their leases
	away    bool                          // the last write failed
	renewed time.Time                     // end of the last write of all rooms
	lookups map[string]*lookups
	looks   int   // so far
	stats   Stats // of the last look
}

// seat is one player in one room on this container.
type seat struct {
	name  string
	tabs  int
	told  bool // the room has heard of them: reported, or there on another container before
	heard bool // reported while Redis was away: only this container's sockets have heard
}

// parting is what a player without a seat leaves behind until Redis knows.
type parting struct {
	name  string
	known bool // some of the room heard that they were there, and not yet that they left
}

// NewPresence returns a presence that writes through client; with none, the container
// has no others. Run must run for changes to be told, and for anything to reach the
// other containers.
func NewPresence(client redis.UniversalClient, opts PresenceOptions, log *slog.Logger) *Presence {
	opts.Prefix = cmp.Or(opts.Prefix, "vegas")
	opts.Container = cmp.Or(opts.Container, newUID(16))
	opts.Lease = cmp.Or(opts.Lease, 30*time.Second)
	opts.Renew = cmp.Or(opts.Renew, opts.Lease/3)
	opts.Look = cmp.Or(opts.Look, time.Second)
	opts.Farewell = cmp.Or(opts.Farewell, time.Second)
	if opts.Changed == nil {
		opts.Changed = func(Change) {}
	}
	if opts.Sockets == nil {
		opts.Sockets = func() int { return 0 }
	}
	return &Presence{
		client: client, opts: opts, log: log, wake: make(chan struct{}, 1),
		rooms: map[string]map[string]*seat{}, sockets: map[string]int{},
		dirty: map[string]map[string]parting{}, lookups: map[string]*lookups{},
	}
}

// Join adds one socket of a player to a room. Each Join is undone by one Leave.
func (p *Presence) Join(room, player, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.rooms[room][player]
	if s == nil {
		s = &seat{}
		put(p.rooms, room, player, s)
		put(p.dirty, room, player, parting{})
	}
	s.name = name
	s.tabs++
	p.sockets[room]++
	p.touch(room)
}

// Leave removes one socket of a player from a room; with the last one the player has
// left this container.
func (p *Presence) Leave(room, player string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.rooms[room][player]
	if s == nil {
		return
	}
	if p.sockets[room]--; p.sockets[room] == 0 {
		delete(p.sockets, room)
	}
	if s.tabs--; s.tabs == 0 {
		drop(p.rooms, room, player)
		put(p.dirty, room, player, parting{name: s.name, known: s.told || s.heard})
	}
	p.touch(room)
}

// Refresh has Run write everything again now: after a gap Redis may be another one.
func (p *Presence) Refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew = true
	p.signal()
}

// touch marks a room as different from Redis. p.mu is held.
func (p *Presence) touch(room string) {
	if p.dirty[room] == nil {
		p.dirty[room] = map[string]parting{}
	}
	p.signal()
}

// touchAll marks a room and everybody in it here. p.mu is held.
func (p *Presence) touchAll(room string) {
	for player := range p.rooms[room] {
		put(p.dirty, room, player, parting{})
	}
	p.touch(room)
}

func (p *Presence) signal() {
	select {
	case p.wake <- struct{}{}:
	default: // the token is there already
	}
}
