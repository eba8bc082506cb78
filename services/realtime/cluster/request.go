package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// requestType is what servers want of each other, in the numbers of
// @socket.io/redis-adapter. Whoever asks awaits as many answers as there are
// subscribers, so each question that is understood here is answered, also with nothing.
type requestType int

const (
	socketIDs requestType = iota
	roomNames
	joinRooms
	leaveRooms
	disconnectSockets
	fetchSockets
	serverEvent
	broadcastAck
	clientCount // an answer, as is the next one
	clientAck
)

// questionTypes and orderTypes are the types by what they are to the library.
var (
	questionTypes = map[socketio.QuestionKind]requestType{
		socketio.AskSockets: fetchSockets, socketio.AskIDs: socketIDs, socketio.AskRooms: roomNames,
		socketio.AskServer: serverEvent, socketio.AskClients: broadcastAck,
	}
	orderTypes = map[socketio.OrderKind]requestType{
		socketio.JoinRooms: joinRooms, socketio.LeaveRooms: leaveRooms,
		socketio.DisconnectSockets: disconnectSockets, socketio.ServerEvent: serverEvent,
	}
	questionKinds, orderKinds = reverse(questionTypes), reverse(orderTypes)
)

func reverse[K, V comparable](m map[K]V) map[V]K {
	r := make(map[V]K, len(m))
	for k, v := range m {
		r[v] = k
	}
	return r
}

// request is the form of all requests. It is JSON, and MessagePack for an acknowledged
// broadcast, where attachments are byte arrays in the packet.
type request struct {
	UID    string          `json:"uid"`
	ID     string          `json:"requestId,omitempty"`
	Type   requestType     `json:"type"`
	Data   json.RawMessage `json:"data,omitempty"`   // of serverEvent: name and arguments
	Packet *packet         `json:"packet,omitempty"` // of broadcastAck
	Opts   *selection      `json:"opts,omitempty"`
	Rooms  names           `json:"rooms,omitempty"`
	Close  *bool           `json:"close,omitempty"`

	attachments [][]byte
}

// packet is an event for clients.
type packet struct {
	Type int             `json:"type"`
	Data json.RawMessage `json:"data"`
	Nsp  string          `json:"nsp,omitempty"`
}

// selection says which sockets are meant.
type selection struct {
	Rooms  names  `json:"rooms"`
	Except names  `json:"except"`
	Flags  *flags `json:"flags,omitempty"`
}

type flags struct {
	Timeout  float64 `json:"timeout,omitempty"` // milliseconds
	Volatile bool    `json:"volatile,omitempty"`
}

func (f *flags) timeout() time.Duration {
	const longest = 10 * 60_000
	if f == nil || f.Timeout <= 0 { // NaN has no JSON
		return 0
	}
	return time.Duration(min(f.Timeout, longest) * float64(time.Millisecond))
}

// isArray says whether JSON that was read is an array with something in it.
func isArray(text json.RawMessage) bool {
	return len(text) > 0 && text[0] == '[' && strings.TrimLeft(string(text[1:min(len(text), 64)]), " \t\r\n") != "]"
}

// decodeRequest reads a request in either form.
func decodeRequest(payload string) (*request, error) {
	r := &request{Type: -1} // unless it is named
	text, err := r.read(payload)
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: request: %w", errMessage, err)
	case r.Type == serverEvent && !isArray(r.Data), r.Type == broadcastAck && (r.Packet == nil || !isArray(r.Packet.Data)):
		return nil, fmt.Errorf("%w: request without event", errMessage)
	}
	return r, nil
}

// read returns the JSON of a request.
func (r *request) read(payload string) (text []byte, err error) {
	text, r.attachments, err = readJSON(payload)
	return text, err
}

// readJSON returns a message as a JSON object, whichever form it has. Byte arrays are
// placeholders.
func readJSON(payload string) (text []byte, attachments [][]byte, err error) {
	if strings.HasPrefix(payload, "{") {
		return []byte(payload), nil, nil
	}
	text, attachments, rest, err := broadcast.AppendJSON(nil, []byte(payload))
	if err == nil && (len(rest) > 0 || text[0] != '{') {
		err = errMessage
	}
	return text, attachments, err
}

// onRequest takes a message of the channels besides those of broadcasts.
func (b *bus) onRequest(channel, payload string) {
	if channel != b.requests {
		b.onAnswer(channel, payload)
		return
	}
	r, err := decodeRequest(payload)
	if err != nil {
		b.redis.malformedMessage(channel, err)
		return
	}
	if r.Opts == nil {
		if r.Type == joinRooms || r.Type == leaveRooms || r.Type == disconnectSockets {
			return // the form of adapters before version 6
		}
		r.Opts = &selection{}
		if r.Type == socketIDs {
			r.Opts.Rooms = r.Rooms
		}
	}
	own := r.UID == b.redis.opts.UID
	if kind, ok := orderKinds[r.Type]; ok && (r.Type != serverEvent || r.ID == "" && !own) {
		b.obey(r.toOrder(kind), r.ID, own)
		return
	}
	if kind, ok := questionKinds[r.Type]; ok && !own {
		b.ns.Answer(r.toQuestion(kind), func(reply socketio.Reply) { b.answer(r, reply) })
	}
}

func (r *request) toOrder(kind socketio.OrderKind) socketio.Order {
	return socketio.Order{
		Kind: kind, Rooms: r.Opts.Rooms.texts(), Except: r.Opts.Except.texts(), Targets: r.Rooms.texts(),
		Close: r.Close != nil && *r.Close, Event: eventOf(r.Data, r.attachments),
	}
}

func (r *request) toQuestion(kind socketio.QuestionKind) socketio.Question {
	q := socketio.Question{
		Kind: kind, Rooms: r.Opts.Rooms.texts(), Except: r.Opts.Except.texts(),
		Timeout: r.Opts.Flags.timeout(), Volatile: r.Opts.Flags != nil && r.Opts.Flags.Volatile,
		Event: eventOf(r.Data, r.attachments),
	}
	if r.Packet != nil {
		q.Event = eventOf(r.Packet.Data, r.attachments)
	}
	return q
}

func eventOf(data json.RawMessage, attachments [][]byte) socketio.Packet {
	return socketio.Packet{Type: socketio.EventPacket, Data: data, Attachments: attachments}
}
