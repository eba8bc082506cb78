package lobby

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/problem"
)

// Bounds of what one player may do.
const (
	maxTabs      = 32                     // sockets per player and container
	maxTables    = 16                     // per socket
	maxText      = 500                    // characters of a chat message
	maxMembers   = 100                    // listed of a room
	eventEvery   = 20 * time.Millisecond  // per socket, after a burst of
	eventBurst   = 100                    // events of any name
	censusTime   = 500 * time.Millisecond // to ask Redis who is in a room
	expiryPeriod = 15 * time.Second       // how often tokens of open sockets are looked at
)

// Verifier checks a player's token; *auth.Verifier does.
type Verifier interface {
	Verify(token string) (auth.Claims, error)
}

// Presence knows who is in a room; *cluster.Presence does.
type Presence interface {
	Join(room, player, name string)
	Leave(room, player string)
	Who(ctx context.Context, room string, limit int) (cluster.Census, error)
	Count(ctx context.Context, room string) (cluster.Census, error)
}

// Parts are what a Lobby works with. All but Rights are required.
type Parts struct {
	Verifier Verifier
	Presence Presence
	Chats    Chats
	Rights   Rights // Public when nil
	Logger   *slog.Logger
}

// Lobby serves one namespace.
type Lobby struct {
	ns       *socketio.Namespace
	verifier Verifier
	presence Presence
	chats    Chats
	rights   Rights
	log      *slog.Logger
	taken    atomic.Uint64
	refused  atomic.Uint64
	limited  struct{ sockets, events, chats atomic.Uint64 }
	lost     chan struct{} // holds one token: sockets are to be told of a loss
}

// New sets the namespace up; do it before the first client arrives. Run must run
// for open sockets to lose an expired token, and to hear of a loss.
func New(ns *socketio.Namespace, parts Parts) *Lobby {
	if parts.Rights == nil {
		parts.Rights = Public{}
	}
	l := &Lobby{ns: ns, verifier: parts.Verifier, presence: parts.Presence, chats: parts.Chats, rights: parts.Rights, log: parts.Logger, lost: make(chan struct{}, 1)}
	ns.Use(l.admit)
	ns.OnConnect(l.welcome)
	return l
}

// Len is how many sockets this container has.
func (l *Lobby) Len() int { return l.ns.Len() }

// Chats is how many chat messages this container has taken.
func (l *Lobby) Chats() uint64 { return l.taken.Load() }

// Refused is how many connections and events this container has refused.
func (l *Lobby) Refused() uint64 { return l.refused.Load() }

// Limited is how often this container's limits have refused a player: a connection
// beyond maxTabs, an event, a chat message.
func (l *Lobby) Limited() (sockets, events, chats uint64) {
	return l.limited.sockets.Load(), l.limited.events.Load(), l.limited.chats.Load()
}

// player is what a socket's Data holds.
type player struct {
	claims auth.Claims
	member cluster.Member
	rooms  map[string]struct{} // in which presence counts the socket; its events come one after another
	events *rate.Limiter
}

// admit is middleware: without a good token the namespace is not joined.
func (l *Lobby) admit(s *socketio.Socket) error {
	var handshake struct {
		Token string `json:"token"`
	}
	// Other members are left to other versions of clients.
	if err := json.Unmarshal(s.Auth(), &handshake); err != nil || handshake.Token == "" {
		return l.refuse(problem.New(401, problem.TokenMissing, "connect with auth.token"))
	}
	claims, err := l.verifier.Verify(handshake.Token)
	if err != nil {
		return l.refuse(err)
	}
	id := claims.Player.String()
	if len(l.ns.Sockets(own+id)) >= maxTabs {
		l.limited.sockets.Add(1)
		return l.refuse(problem.New(429, problem.TooManyRequests, "a player may have 32 connections; close one"))
	}
	s.SetOwner(id) // nobody else goes on where this player stopped
	s.SetData(&player{
		claims: claims,
		member: cluster.Member{ID: id, Name: claims.Name},
		rooms:  map[string]struct{}{},
		events: rate.NewLimiter(rate.Every(eventEvery), eventBurst),
	})
	return nil
}

// refuse makes the answer to a client that may not connect. Its message is the
// code, so that clients can decide by it.
func (l *Lobby) refuse(err error) error {
	l.refused.Add(1)
	p := problem.From(err)
	return &socketio.ConnectError{Message: string(p.Code), Data: answer{Code: p.Code, Detail: p.Detail}}
}

// welcome puts a socket into its rooms and listens to it.
func (l *Lobby) welcome(s *socketio.Socket) {
	p, ok := s.Data().(*player)
	if !ok {
		s.Disconnect(true) // admit has set it
		return
	}
	for _, room := range s.Rooms() { // a recovered socket has some
		if room == s.ID() || permanent(room) {
			continue
		}
		if l.rights.Enter(p.claims, room) != nil {
			s.Leave(room) // the right went while the player was away
			continue
		}
		l.enter(p, room)
	}
	s.Join(own+p.member.ID, everybody)
	l.enter(p, everybody)
	s.On("join", l.handle(s, p, func(args socketio.Args) (any, error) { return l.join(s, p, args) }))
	s.On("leave", l.handle(s, p, func(args socketio.Args) (any, error) { return l.leave(s, p, args) }))
	s.On("chat", l.handle(s, p, func(args socketio.Args) (any, error) { return l.chat(s, p, args) }))
	s.On("presence", l.handle(s, p, func(args socketio.Args) (any, error) { return l.census(p, args) }))
	s.OnDisconnect(func(socketio.Reason) {
		for room := range p.rooms {
			l.exit(p, room)
		}
	})
}

// answer is the acknowledgement of an event that was refused, the data of a refused
// connection, and the body of an error event.
type answer struct {
	OK     bool         `json:"ok"`
	Code   problem.Code `json:"code"`
	Detail string       `json:"detail"`
}

var errTooMany = problem.New(429, problem.TooManyRequests, "too many events; wait a moment")

// handle acknowledges an event with what serve returns. A client that asked for no
// acknowledgement is told of a refusal by an error event.
func (l *Lobby) handle(s *socketio.Socket, p *player, serve func(socketio.Args) (any, error)) func(socketio.Args, socketio.Ack) {
	return func(args socketio.Args, ack socketio.Ack) {
		var reply any
		var err error = errTooMany
		if p.events.Allow() {
			reply, err = serve(args)
		} else {
			l.limited.events.Add(1)
		}
		if err != nil {
			l.refused.Add(1)
			why := problem.From(err)
			if why.Status >= 500 {
				l.log.Error("event failed", "error", err)
			}
			reply = answer{Code: why.Code, Detail: why.Detail}
			if !args.WantsAck() {
				_ = s.Emit("error", reply) // it may be gone
				return
			}
		}
		ack(reply)
	}
}
