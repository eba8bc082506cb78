package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Census is who is in a room, over all containers.
type Census struct {
	Members []Member // by name; not more than were asked for
	Players int      // all of them
	Sockets int
}

// Who lists at most limit players of a room over all containers, and counts all; this
// container's are always among them. While Redis is away it knows only those, and says
// so with ErrAlone beside the census.
func (p *Presence) Who(ctx context.Context, room string, limit int) (Census, error) {
	found, err := p.lookup(ctx, room)
	if err != nil {
		err = fmt.Errorf("list members of %s: %w", room, err)
	}
	p.mu.Lock()
	for player, s := range p.rooms[room] {
		found.names[player] = s.name
	}
	c := Census{Players: len(found.names), Sockets: found.sockets + p.sockets[room]}
	p.mu.Unlock()
	members := make([]Member, 0, len(found.names))
	for player, name := range found.names {
		members = append(members, Member{ID: player, Name: name})
	}
	slices.SortFunc(members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	c.Members = members[:min(limit, len(members))]
	return c, err
}

// Count is Who without the list, for rooms of any size.
func (p *Presence) Count(ctx context.Context, room string) (Census, error) {
	p.mu.Lock()
	own := Census{Players: len(p.rooms[room]), Sockets: p.sockets[room]}
	away := p.away
	p.mu.Unlock()
	if p.client == nil {
		return own, nil
	}
	if away {
		return own, fmt.Errorf("count members of %s: %w", room, ErrAlone)
	}
	reply, err := countRoom.Run(ctx, p.client, []string{p.key(room)}).Int64Slice()
	if err == nil && len(reply) != 2 {
		err = errReply
	}
	if err != nil {
		return own, fmt.Errorf("count members of %s: %w: %w", room, ErrAlone, err)
	}
	return Census{Players: max(own.Players, int(reply[0])), Sockets: max(own.Sockets, int(reply[1]))}, nil
}

// errReply is what a script does not say.
var errReply = errors.New("the reply has the wrong number of parts")

// crowd is what Redis knows of a room.
type crowd struct {
	names   map[string]string // by player
	sockets int               // of other containers
}

// read asks Redis who is in a room, by its clock.
func (p *Presence) read(ctx context.Context, room string) (crowd, error) {
	reply, err := readRoom.Run(ctx, p.client, []string{p.key(room)}).Slice()
	if err == nil && len(reply) != 2 {
		err = errReply
	}
	if err != nil {
		return crowd{}, fmt.Errorf("%w: %w", ErrAlone, err)
	}
	now, fields := float64(number(reply[0])), texts(reply[1])
	held := map[string][2]float64{} // container: end of its lease, sockets
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != "" {
			continue
		}
		if err := json.Unmarshal([]byte(fields[i+1]), &held); err != nil {
			return crowd{}, fmt.Errorf("read presence: %w", err)
		}
	}
	c := crowd{names: map[string]string{}}
	for container, lasts := range held {
		if lasts[0] <= now {
			delete(held, container)
		} else if container != p.opts.Container {
			c.sockets += int(lasts[1])
		}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		id, ok := strings.CutPrefix(fields[i], "p:")
		if !ok {
			continue
		}
		var player struct {
			Name string         `json:"n"`
			On   map[string]int `json:"c"`
		}
		if err := json.Unmarshal([]byte(fields[i+1]), &player); err != nil {
			return crowd{}, fmt.Errorf("read presence: %w", err)
		}
		for container := range player.On {
			if _, alive := held[container]; alive {
				c.names[id] = player.Name
				break
			}
		}
	}
	return c, nil
}
