package lobby

import (
	"context"
	"errors"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/internal/chat"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/problem"
)

// present answers who is in a room.
type present struct {
	OK      bool             `json:"ok"`
	Room    string           `json:"room"`
	Members []cluster.Member `json:"members"` // by name, the first of them
	Players int              `json:"players"` // all of them
	Sockets int              `json:"sockets"`
	// Partial says that what other containers know is missing, because Redis is away.
	Partial bool `json:"partial,omitempty"`
}

// joined acknowledges join.
type joined struct {
	present
	History []chat.Message `json:"history"`
}

// done acknowledges what needs no more words.
type done struct {
	OK   bool   `json:"ok"`
	Room string `json:"room"`
}

func (l *Lobby) join(s *socketio.Socket, p *player, args socketio.Args) (any, error) {
	room, err := l.room(p, args)
	if err != nil {
		return nil, err
	}
	if _, in := p.rooms[room]; !in && !permanent(room) {
		if len(p.rooms) > maxTables { // the lobby is one of them
			return nil, problem.New(403, problem.Forbidden, "a socket may be at 16 tables at most")
		}
		s.Join(room)
		l.enter(p, room)
	}
	// The history is read after joining: what is posted later comes as an event.
	history, err := l.chats.History(context.Background(), room)
	partial := errors.Is(err, chat.ErrAlone)
	if err != nil && !partial {
		return nil, err
	}
	who, err := l.who(room)
	who.Partial = who.Partial || partial
	return joined{who, history}, err
}

func (l *Lobby) leave(s *socketio.Socket, p *player, args socketio.Args) (any, error) {
	room, err := l.room(p, args)
	if err != nil {
		return nil, err
	}
	if permanent(room) {
		return nil, problem.New(403, problem.Forbidden, "every player stays in this room")
	}
	if _, in := p.rooms[room]; in {
		s.Leave(room)
		l.exit(p, room)
	}
	return done{OK: true, Room: room}, nil
}

// census answers who is in a room that the player may enter.
func (l *Lobby) census(p *player, args socketio.Args) (any, error) {
	room, err := l.room(p, args)
	if err != nil {
		return nil, err
	}
	return l.who(room)
}

// who asks presence. Everybody is in the lobby, which is counted only.
func (l *Lobby) who(room string) (present, error) {
	ctx, cancel := context.WithTimeout(context.Background(), censusTime)
	defer cancel()
	var c cluster.Census
	var err error
	if room == everybody {
		c, err = l.presence.Count(ctx, room)
	} else {
		c, err = l.presence.Who(ctx, room, maxMembers)
	}
	partial := errors.Is(err, cluster.ErrAlone) || errors.Is(err, context.DeadlineExceeded)
	if err != nil && !partial {
		return present{}, err
	}
	if c.Members == nil {
		c.Members = []cluster.Member{}
	}
	return present{OK: true, Room: room, Members: c.Members, Players: c.Players, Sockets: c.Sockets, Partial: partial}, nil
}

// room reads the only argument of an event, a room that the player may enter.
func (l *Lobby) room(p *player, args socketio.Args) (string, error) {
	texts, err := texts(args, 1, 1)
	if err != nil {
		return "", err
	}
	return texts[0], l.rights.Enter(p.claims, texts[0])
}

// enter and exit keep presence in step with a socket's rooms.
func (l *Lobby) enter(p *player, room string) {
	p.rooms[room] = struct{}{}
	l.presence.Join(room, p.member.ID, p.member.Name)
}

func (l *Lobby) exit(p *player, room string) {
	delete(p.rooms, room)
	l.presence.Leave(room, p.member.ID)
}

// change is the presence event.
type change struct {
	Room    string          `json:"room"`
	Joined  *cluster.Member `json:"joined,omitempty"`
	Left    *cluster.Member `json:"left,omitempty"`
	Members int             `json:"members"` // players
	Sockets int             `json:"sockets"`
}

// Changed tells a room who came and who went: cluster.PresenceOptions.Changed. Who
// comes to the house is not news to all of it: two thousand who return at once would be
// four million events.
func (l *Lobby) Changed(c cluster.Change) {
	if c.Room == everybody {
		return
	}
	tell := func(ev change) {
		ev.Room, ev.Members, ev.Sockets = c.Room, c.Members, c.Sockets
		if err := l.ns.To(c.Room).Emit("presence", ev); err != nil {
			l.log.Debug("presence told to this container only", "error", err)
		}
	}
	for _, m := range c.Joined {
		tell(change{Joined: &m})
	}
	for _, m := range c.Left {
		tell(change{Left: &m})
	}
}
