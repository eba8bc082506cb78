package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

	// Changed is told who came to a room and who went, seen over all containers, each
	// by exactly one container. It is called by Run's goroutine, one call at a time.
	Changed func(Change)
}

// Member is one player in a room, however many sockets they have.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Change is who came and who went in one room, and how many players it has now.
type Change struct {
	Room         string
	Joined, Left []Member
	Members      int
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
	dirty   map[string]map[string]parting // room, player: differs from Redis
	renew   bool                          // everything is to be written
	away    bool                          // the last write failed
	renewed time.Time                     // end of the last write of everything
	lookups map[string]*lookups
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

// NewPresence returns a presence that writes through client. Run must run for anything
// to reach the other containers.
func NewPresence(client redis.UniversalClient, opts PresenceOptions, log *slog.Logger) *Presence {
	opts.Prefix = cmp.Or(opts.Prefix, "vegas")
	opts.Container = cmp.Or(opts.Container, newUID(16))
	opts.Lease = cmp.Or(opts.Lease, 30*time.Second)
	opts.Renew = cmp.Or(opts.Renew, opts.Lease/3)
	if opts.Changed == nil {
		opts.Changed = func(Change) {}
	}
	return &Presence{
		client: client, opts: opts, log: log, wake: make(chan struct{}, 1),
		rooms: map[string]map[string]*seat{}, dirty: map[string]map[string]parting{}, lookups: map[string]*lookups{},
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
		p.touch(room, player, parting{})
	}
	s.name = name
	s.tabs++
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
	if s.tabs--; s.tabs > 0 {
		return
	}
	drop(p.rooms, room, player)
	p.touch(room, player, parting{name: s.name, known: s.told || s.heard})
}

// Refresh has Run write everything again now: after a gap Redis may be another one.
func (p *Presence) Refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renew = true
	p.signal()
}

// touch marks a player of a room as different from Redis. p.mu is held.
func (p *Presence) touch(room, player string, last parting) {
	put(p.dirty, room, player, last)
	p.signal()
}

func (p *Presence) signal() {
	select {
	case p.wake <- struct{}{}:
	default: // the token is there already
	}
}

// Members lists the players of a room over all containers, by name; this container's
// are always among them. While Redis is away it lists only those, with ErrAlone.
func (p *Presence) Members(ctx context.Context, room string) ([]Member, error) {
	found, err := p.lookup(ctx, room)
	if err != nil {
		err = fmt.Errorf("list members of %s: %w", room, err)
	}
	p.mu.Lock()
	for player, s := range p.rooms[room] {
		found[player] = s.name
	}
	p.mu.Unlock()
	members := make([]Member, 0, len(found))
	for player, name := range found {
		members = append(members, Member{ID: player, Name: name})
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return members, err
}

// read asks Redis who is in a room, by its clock.
func (p *Presence) read(ctx context.Context, room string) (map[string]string, error) {
	keys := p.keys(room)
	pipe := p.client.TxPipeline()
	now := pipe.Time(ctx)
	seen := pipe.ZRangeWithScores(ctx, keys[0], 0, -1)
	names := pipe.HGetAll(ctx, keys[1])
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlone, err)
	}
	found := make(map[string]string, len(seen.Val()))
	for _, z := range seen.Val() {
		player, ok := z.Member.(string)
		if ok && z.Score > float64(now.Val().UnixMilli()) {
			found[player] = names.Val()[player]
		}
	}
	return found, nil
}
