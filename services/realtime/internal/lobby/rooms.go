package lobby

import (
	"context"
	"errors"
	"regexp"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/problem"
)

// table is the form of the rooms that players enter by themselves.
var table = regexp.MustCompile(`^table:[a-z0-9][a-z0-9-]{0,31}$`)

// joined acknowledges join.
type joined struct {
	OK      bool             `json:"ok"`
	Room    string           `json:"room"`
	Members []cluster.Member `json:"members"` // by name, the first 100
	Players int              `json:"players"` // all of them
	Sockets int              `json:"sockets"`
	// Partial says that players of other containers are missing from Members,
	// because Redis is away.
	Partial bool `json:"partial,omitempty"`
}

// done acknowledges what needs no more words.
type done struct {
	OK   bool   `json:"ok"`
	Room string `json:"room"`
}

func (l *Lobby) join(s *socketio.Socket, p *player, args socketio.Args) (any, error) {
	room, err := tableRoom(args, 1)
	if err != nil {
		return nil, err
	}
	if _, in := p.rooms[room]; !in {
		if len(p.rooms) >= maxRooms {
			return nil, problem.New(403, problem.Forbidden, "a socket may be at 16 tables at most")
		}
		p.rooms[room] = struct{}{}
		s.Join(room)
		l.presence.Join(room, p.member.ID, p.member.Name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), membersTime)
	defer cancel()
	census, err := l.presence.Who(ctx, room, maxMembers)
	if err != nil && !errors.Is(err, cluster.ErrAlone) {
		return nil, err
	}
	return joined{OK: true, Room: room, Members: census.Members, Players: census.Players, Sockets: census.Sockets, Partial: err != nil}, nil
}

func (l *Lobby) leave(s *socketio.Socket, p *player, args socketio.Args) (any, error) {
	room, err := tableRoom(args, 1)
	if err != nil {
		return nil, err
	}
	if _, in := p.rooms[room]; in {
		delete(p.rooms, room)
		s.Leave(room)
		l.presence.Leave(room, p.member.ID)
	}
	return done{OK: true, Room: room}, nil
}

// tableRoom reads the room of an event with so many arguments, all of them texts.
func tableRoom(args socketio.Args, n int) (string, error) {
	texts, err := texts(args, n)
	if err != nil {
		return "", err
	}
	if !table.MatchString(texts[0]) {
		return "", problem.New(403, problem.Forbidden, "this room is not open to players; tables are named table:<id>")
	}
	return texts[0], nil
}

// change is the presence event.
type change struct {
	Room    string          `json:"room"`
	Joined  *cluster.Member `json:"joined,omitempty"`
	Left    *cluster.Member `json:"left,omitempty"`
	Members int             `json:"members"`
}

// Changed tells a room who came and who went: cluster.PresenceOptions.Changed.
func (l *Lobby) Changed(c cluster.Change) {
	tell := func(ev change) {
		if err := l.ns.To(c.Room).Emit("presence", ev); err != nil {
			l.log.Debug("presence told to this container only", "error", err)
		}
	}
	for _, m := range c.Joined {
		tell(change{Room: c.Room, Joined: &m, Members: c.Members})
	}
	for _, m := range c.Left {
		tell(change{Room: c.Room, Left: &m, Members: c.Members})
	}
}
