package cluster

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tinylib/msgp/msgp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// messageType is what a message of the sharded adapter is for.
type messageType int

// The types of ClusterAdapter in socket.io-adapter 2.5.
const (
	shardedBroadcast messageType = iota + 3
	shardedJoin
	shardedLeave
	shardedDisconnect
	shardedFetch
	shardedFound
	shardedEvent
	shardedEventAck
	shardedClients
	shardedClientAck
)

// envelope is the form of all of them: JSON, or MessagePack when there are byte arrays
// in it, for which placeholders stand here.
type envelope struct {
	UID  string       `json:"uid"` // first, so that a server knows its own
	Nsp  string       `json:"nsp"`
	Type messageType  `json:"type"`
	Data envelopeData `json:"data"`

	attachments [][]byte
}

type envelopeData struct {
	ID      string           `json:"requestId,omitempty"`
	Opts    *selection       `json:"opts,omitempty"`
	Packet  json.RawMessage  `json:"packet,omitempty"` // a packet, name and arguments, or one value
	Rooms   names            `json:"rooms,omitempty"`
	Close   *bool            `json:"close,omitempty"`
	Brief   bool             `json:"brief,omitempty"` // of shardedFetch, among ours: ids and rooms will do
	Sockets *[]socketDetails `json:"sockets,omitempty"`
	Clients *int             `json:"clientCount,omitempty"`
}

// marks are how every message of a sender begins, in both forms.
func marks(uid string) [2]string {
	return [2]string{
		`{"uid":"` + uid + `"`,
		string(msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 4), "uid"), uid)),
	}
}

// encode writes a message.
func (m *envelope) encode() ([]byte, error) {
	text, err := toJSON(m)
	if err != nil || len(m.attachments) == 0 {
		return text, err
	}
	return broadcast.AppendMsgpack(nil, text, m.attachments...)
}

// decodeMessage reads a message in either form.
func decodeMessage(payload string) (*envelope, error) {
	m := &envelope{}
	text, attachments, err := readJSON(payload)
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	m.attachments = attachments
	return m, nil
}

// encodeSharded writes a broadcast. What loggedRoom looks for comes first, and the data
// goes in as it is.
func encodeSharded(uid, namespace string, b *socketio.Broadcast) ([]byte, error) {
	head := envelope{UID: uid, Nsp: namespace, Type: shardedBroadcast}
	head.Data.Opts = selectionOf(b.Rooms, b.Except)
	head.Data.Opts.Flags = &flags{Volatile: b.Flags.Volatile}
	text, err := toJSON(&head)
	if err != nil {
		return nil, err
	}
	text = append(text[:len(text)-len(`}}`)], `,"packet":{"type":2,"data":`...)
	text = append(append(text, b.Packet.Data...), `}}}`...)
	if len(b.Packet.Attachments) == 0 {
		return text, nil
	}
	return broadcast.AppendMsgpack(nil, text, b.Packet.Attachments...)
}

// loggedRoom is the room of a broadcast of ours that names one alone, without reading the
// rest; else it is empty.
func loggedRoom(payload string) string {
	const before, after = `"opts":{"rooms":["`, `"],"except":`
	at := strings.Index(payload[:min(len(payload), 256)], before)
	if at < 0 || payload[0] != '{' {
		return ""
	}
	rest := payload[at+len(before):]
	end := strings.IndexAny(rest, `"\`)
	if end < 0 || !strings.HasPrefix(rest[end:], after) {
		return ""
	}
	return rest[:end]
}

// broadcast returns what is to be delivered.
func (m *envelope) broadcast() (b socketio.Broadcast, err error) {
	if b.Packet, err = m.event(); err != nil {
		return b, err
	}
	if m.Data.Opts != nil {
		b.Rooms, b.Except = m.Data.Opts.Rooms.texts(), m.Data.Opts.Except.texts()
		b.Flags.Volatile = m.Data.Opts.Flags != nil && m.Data.Opts.Flags.Volatile
	}
	b.Packet.Namespace = m.Nsp
	return b, nil
}

// event returns the packet of a broadcast, or the event of a server.
func (m *envelope) event() (socketio.Packet, error) {
	data := m.Data.Packet
	if m.Type == shardedBroadcast {
		var p packet
		if err := json.Unmarshal(data, &p); err != nil || p.Type != eventType && p.Type != eventType+3 {
			return socketio.Packet{}, fmt.Errorf("%w: packet of no event", errMessage)
		}
		data = p.Data
	}
	if !isArray(data) {
		return socketio.Packet{}, fmt.Errorf("%w: event without name", errMessage)
	}
	return eventOf(data, m.attachments), nil
}
