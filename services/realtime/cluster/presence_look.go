package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// The lease of a container among all, and how long a room is believed to have players,
// both in looks. Rooms are named every roomLooks.
const (
	containerLooks = 5
	roomLooks      = 5
	believedLooks  = 3 * roomLooks
)

// lookTime bounds one look.
const lookTime = 2 * time.Second

// Stats is the size of the whole cluster.
type Stats struct {
	Containers int // this one included
	Sockets    int
	Rooms      int // that have players; one that emptied counts for up to 15 looks more
}

// Cluster is the size of the cluster at the last look, and of this container alone
// while Redis is away. It does not ask Redis.
func (p *Presence) Cluster() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away || p.stats.Containers == 0 {
		return p.own()
	}
	return p.stats
}

// Own is what this container has of it.
func (p *Presence) Own() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own()
}

// own is Own; p.mu is held.
func (p *Presence) own() Stats {
	return Stats{Containers: 1, Sockets: p.opts.Sockets(), Rooms: len(p.rooms)}
}

// look renews this container among all and counts them, and asks Redis whether it
// still has this container's rooms. Those that it has lost, evicted or emptied are
// written again, without waiting for the next renewal.
func (p *Presence) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	p.mu.Lock()
	rooms := slices.Collect(maps.Keys(p.rooms))
	named := rooms
	if p.looks++; p.looks%roomLooks != 1 && !p.away {
		named = nil
	}
	p.mu.Unlock()

	reply, err := p.enroll(ctx, p.opts.Sockets(), named)
	if err != nil {
		p.missed()
		return fmt.Errorf("look at the cluster: %w", err)
	}
	pipe := p.client.Pipeline()
	there := make([]*redis.BoolCmd, len(rooms))
	for i, room := range rooms {
		there[i] = pipe.HExists(ctx, p.key(room), "c:"+p.opts.Container)
	}
	if _, err := pipe.Exec(ctx); err != nil && len(rooms) > 0 {
		p.missed()
		return fmt.Errorf("look for %d rooms: %w", len(rooms), err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats = Stats{Containers: reply[0], Sockets: reply[1], Rooms: reply[2]}
	for i, room := range rooms {
		if !there[i].Val() && p.rooms[room] != nil {
			p.touchAll(room)
		}
	}
	return nil
}

// missed notes that Redis did not answer.
func (p *Presence) missed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away, p.renew = true, true
}

// depart takes this container out of the cluster at once.
func (p *Presence) depart(ctx context.Context) error {
	_, err := p.enroll(ctx, -1, nil)
	return err
}

// enroll runs the script of the cluster.
func (p *Presence) enroll(ctx context.Context, sockets int, rooms []string) ([3]int, error) {
	args := make([]any, 0, 4+len(rooms))
	args = append(args, p.opts.Container, (containerLooks * p.opts.Look).Milliseconds(), sockets, (believedLooks * p.opts.Look).Milliseconds())
	for _, room := range rooms {
		args = append(args, room)
	}
	parts, err := syncCluster.Run(ctx, p.client, p.clusterKeys(), args...).Slice()
	if err == nil && len(parts) != 3 {
		err = errReply
	}
	if err != nil {
		return [3]int{}, err
	}
	return [3]int{number(parts[0]), number(parts[1]), number(parts[2])}, nil
}
