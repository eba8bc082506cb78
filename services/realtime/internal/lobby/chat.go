package lobby

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// message is the chat event. Text is what the player wrote: whoever shows it must
// show it as text.
type message struct {
	Room string         `json:"room"`
	From cluster.Member `json:"from"`
	Text string         `json:"text"`
	At   time.Time      `json:"at"` // UTC, whole milliseconds
}

// chat gives a text to everybody in a room, the sender too: one path for all.
func (l *Lobby) chat(p *player, args socketio.Args) (any, error) {
	room, err := tableRoom(args, 2)
	if err != nil {
		return nil, err
	}
	texts, err := texts(args, 2)
	if err != nil {
		return nil, err
	}
	if _, in := p.rooms[room]; !in {
		return nil, problem.New(403, problem.Forbidden, "join the room before you chat in it")
	}
	text := strings.TrimSpace(texts[1])
	if n := utf8.RuneCountInString(text); n == 0 || n > maxText {
		return nil, problem.New(422, problem.ParamsInvalid, "a message has 1 to 500 characters")
	}
	if !l.limits.allow(p.member.ID) {
		return nil, problem.New(429, problem.TooManyRequests, "two messages a second are enough; wait a moment")
	}
	ev := message{Room: room, From: p.member, Text: text, At: time.Now().UTC().Truncate(time.Millisecond)}
	l.chats.Add(1)
	if err := l.ns.To(room).Emit("chat", ev); err != nil {
		l.log.Debug("chat told to this container only", "error", err)
	}
	return done{OK: true, Room: room}, nil
}

// texts reads exactly n arguments that are all texts, with the rules of every text
// that a player sends.
func texts(args socketio.Args, n int) ([]string, error) {
	if args.Len() != n {
		return nil, problem.New(400, problem.MissingField, "wrong number of arguments; an acknowledgement function comes after them")
	}
	all := make([]string, n)
	for i := range all {
		// The rules of texts in HTTP bodies hold for sockets too.
		raw := args.Raw(i)
		if len(raw) == 0 || raw[0] != '"' {
			return nil, problem.New(400, problem.WrongType, "the arguments must be texts")
		}
		var field struct {
			Text string `json:"text"`
		}
		body := append(append(json.RawMessage(`{"text":`), raw...), '}')
		if err := web.Unmarshal(body, &field); err != nil {
			return nil, err
		}
		all[i] = field.Text
	}
	return all, nil
}
