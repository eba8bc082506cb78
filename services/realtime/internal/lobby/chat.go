package lobby

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/services/realtime/internal/chat"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/problem"
)

// Chats keeps messages and paces them; *chat.Board does.
type Chats interface {
	Pace(ctx context.Context, player, address string) (wait time.Duration)
	Post(ctx context.Context, m chat.Message, key string) chat.Posted
	History(ctx context.Context, room string) ([]chat.Message, error)
}

// taken acknowledges a message.
type taken struct {
	OK     bool      `json:"ok"`
	Room   string    `json:"room"`
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Stored bool      `json:"stored"`
	Again  bool      `json:"again,omitempty"`
}

// chat gives a text to everybody in a room, the sender too: one path for all. It is in
// the history before it is on its way, so that who comes meanwhile has it from either.
func (l *Lobby) chat(s *socketio.Socket, p *player, args socketio.Args) (any, error) {
	texts, err := texts(args, 2, 3)
	if err != nil {
		return nil, err
	}
	room, key := texts[0], ""
	if err := l.rights.Enter(p.claims, room); err != nil {
		return nil, err
	}
	if _, in := p.rooms[room]; !in {
		return nil, problem.New(403, problem.Forbidden, "join the room before you chat in it")
	}
	text, err := said(texts[1])
	if err != nil {
		return nil, err
	}
	if len(texts) == 3 {
		if key = texts[2]; !wellNamed.MatchString(key) {
			return nil, problem.New(422, problem.ParamsInvalid, `the key of a message has 1 to 64 letters, digits, "-" and "_"`)
		}
	}
	ctx := context.Background() // the board bounds its waits
	if wait := l.chats.Pace(ctx, p.member.ID, address(s.Handshake())); wait > 0 {
		l.limited.chats.Add(1)
		return nil, problem.New(429, problem.TooManyRequests, "two messages a second are enough; wait "+seconds(wait)).After(wait)
	}
	posted := l.chats.Post(ctx, chat.Message{Room: room, From: p.member, Text: text}, key)
	m := posted.Message
	if !posted.Again {
		l.taken.Add(1)
		if err := l.ns.To(room).Emit("chat", m); err != nil {
			l.log.Debug("chat told to this container only", "error", err)
		}
	}
	return taken{OK: true, Room: room, ID: m.ID, At: m.At, Stored: posted.Stored, Again: posted.Again}, nil
}

// seconds is a wait in words.
func seconds(wait time.Duration) string {
	return strconv.FormatFloat(math.Ceil(wait.Seconds()*10)/10, 'f', -1, 64) + " s"
}
