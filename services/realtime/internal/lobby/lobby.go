package lobby

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/problem"
)

// Bounds of what one player may do.
const (
	maxRooms     = 16                     // tables per socket
	maxMembers   = 100                    // listed of a room
	maxText      = 500                    // characters of a chat message
	chatEvery    = 500 * time.Millisecond // per player and container, after a burst of
	chatBurst    = 10
	membersTime  = 500 * time.Millisecond // to ask Redis who is in a room
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
}

// Lobby serves one namespace.
type Lobby struct {
	ns       *socketio.Namespace
	verifier Verifier
	presence Presence
	limits   *limits
	log      *slog.Logger
	chats    atomic.Uint64
	refused  atomic.Uint64
}

// New sets the namespace up; do it before the first client arrives. Run must run
// for open sockets to lose an expired token.
func New(ns *socketio.Namespace, verifier Verifier, presence Presence, log *slog.Logger) *Lobby {
	l := &Lobby{ns: ns, verifier: verifier, presence: presence, limits: newLimits(), log: log}
	ns.Use(l.admit)
	ns.OnConnect(l.welcome)
	return l
}

// Len is how many sockets this container has.
func (l *Lobby) Len() int { return l.ns.Len() }

// Chats is how many chat messages this container has taken.
func (l *Lobby) Chats() uint64 { return l.chats.Load() }

// Refused is how many connections and events this container has refused.
func (l *Lobby) Refused() uint64 { return l.refused.Load() }

// player is what a socket's Data holds.
type player struct {
	member  cluster.Member
	expires time.Time
	rooms   map[string]struct{} // tables that the socket is in; its events come one after another
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
	s.SetData(&player{
		member:  cluster.Member{ID: claims.Player.String(), Name: claims.Name},
		expires: claims.Expires,
		rooms:   map[string]struct{}{},
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

// welcome puts a socket into its player's own room and listens to it.
func (l *Lobby) welcome(s *socketio.Socket) {
	p, ok := s.Data().(*player)
	if !ok {
		s.Disconnect(true) // admit has set it
		return
	}
	s.Join("player:" + p.member.ID)
	s.On("join", l.handle(s, func(args socketio.Args) (any, error) { return l.join(s, p, args) }))
	s.On("leave", l.handle(s, func(args socketio.Args) (any, error) { return l.leave(s, p, args) }))
	s.On("chat", l.handle(s, func(args socketio.Args) (any, error) { return l.chat(p, args) }))
	s.OnDisconnect(func(socketio.Reason) {
		for room := range p.rooms {
			l.presence.Leave(room, p.member.ID)
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

// handle acknowledges an event with what serve returns. A client that asked for no
// acknowledgement is told of a refusal by an error event.
func (l *Lobby) handle(s *socketio.Socket, serve func(socketio.Args) (any, error)) func(socketio.Args, socketio.Ack) {
	return func(args socketio.Args, ack socketio.Ack) {
		reply, err := serve(args)
		if err != nil {
			l.refused.Add(1)
			p := problem.From(err)
			if p.Status >= 500 {
				l.log.Error("event failed", "error", err)
			}
			reply = answer{Code: p.Code, Detail: p.Detail}
			if !args.WantsAck() {
				_ = s.Emit("error", reply) // it may be gone
				return
			}
		}
		ack(reply)
	}
}
