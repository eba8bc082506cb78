package main

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/vegascore/vegascore/services/realtime/cluster"
)

// alone is the presence of a container that has no Redis: all players are its own.
type alone struct {
	mu      sync.Mutex
	rooms   map[string]map[string]*seat // by room and player
	changed func(cluster.Change)
}

type seat struct {
	name    string
	sockets int
}

func newAlone(changed func(cluster.Change)) *alone {
	return &alone{rooms: map[string]map[string]*seat{}, changed: changed}
}

func (a *alone) Join(room, player, name string) {
	a.mu.Lock()
	players := a.rooms[room]
	if players == nil {
		players = map[string]*seat{}
		a.rooms[room] = players
	}
	s := players[player]
	if s == nil {
		s = &seat{name: name}
		players[player] = s
	}
	s.sockets++
	first, n := s.sockets == 1, len(players)
	a.mu.Unlock()
	if first {
		a.changed(cluster.Change{Room: room, Joined: []cluster.Member{{ID: player, Name: name}}, Members: n})
	}
}

func (a *alone) Leave(room, player string) {
	a.mu.Lock()
	players := a.rooms[room]
	s := players[player]
	if s == nil {
		a.mu.Unlock()
		return
	}
	s.sockets--
	last := s.sockets == 0
	if last {
		delete(players, player)
		if len(players) == 0 {
			delete(a.rooms, room)
		}
	}
	n := len(players)
	a.mu.Unlock()
	if last {
		a.changed(cluster.Change{Room: room, Left: []cluster.Member{{ID: player, Name: s.name}}, Members: n})
	}
}

func (a *alone) Members(_ context.Context, room string) ([]cluster.Member, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	members := make([]cluster.Member, 0, len(a.rooms[room]))
	for id, s := range a.rooms[room] {
		members = append(members, cluster.Member{ID: id, Name: s.name})
	}
	slices.SortFunc(members, func(x, y cluster.Member) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return members, nil
}
