package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// requestType is what a server asks of the others. It awaits as many answers as there
// are subscribers, so each question that is understood here is answered, also with
// nothing.
type requestType int

// The requests of @socket.io/redis-adapter that need no more of a namespace than its
// sockets. Others (server-side events, acknowledged broadcasts) pass unanswered.
const (
	socketIDs requestType = iota
	roomNames
	joinRooms
	leaveRooms
	disconnectSockets
	fetchSockets
)

// roster is a namespace that shows its sockets, as *socketio.Namespace does.
type roster interface {
	// Sockets returns the sockets of this process in a room, or all for "".
	Sockets(room string) []*socketio.Socket
}

// request is the JSON form of all but acknowledged broadcasts, which are MessagePack.
type request struct {
	UID   string      `json:"uid"`
	ID    string      `json:"requestId"`
	Type  requestType `json:"type"`
	Rooms []room      `json:"rooms"`
	Opts  *struct {
		Rooms  []room `json:"rooms"`
		Except []room `json:"except"`
	} `json:"opts"`
	Close bool `json:"close"`
}

// room is a room's name; Node's may be numbers.
type room string

func (r *room) UnmarshalJSON(text []byte) error {
	var number json.Number
	if json.Unmarshal(text, &number) == nil {
		*r = room(number)
		return nil
	}
	return json.Unmarshal(text, (*string)(r))
}

// onRequest takes a message of the other channels. Answers of others are not for us:
// this server asks nothing.
func (b *bus) onRequest(channel, payload string) {
	if channel != b.requests || !strings.HasPrefix(payload, "{") {
		return
	}
	var r request
	if err := json.Unmarshal([]byte(payload), &r); err != nil {
		b.redis.malformedMessage(channel, err)
		return
	}
	if r.UID == b.redis.opts.UID {
		return
	}
	answer, err := b.perform(&r)
	if err == nil && answer != nil {
		err = b.answer(answer)
	}
	if err != nil {
		b.redis.log.Warn("request of another server failed", "type", int(r.Type), "error", err)
	}
}

func (b *bus) answer(answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return b.redis.publisher.send(b.answers, text)
}

// perform does what is asked and returns the answer, nil when there is none.
func (b *bus) perform(r *request) (answer any, err error) {
	switch r.Type {
	case socketIDs:
		ids := []string{}
		for _, s := range b.selected(r.Rooms, nil) {
			ids = append(ids, s.ID())
		}
		return map[string]any{"requestId": r.ID, "sockets": ids}, nil
	case roomNames:
		names := map[string]bool{}
		for _, s := range b.selected(nil, nil) {
			for _, name := range s.Rooms() {
				names[name] = true
			}
		}
		return map[string]any{"requestId": r.ID, "rooms": append([]string{}, slices.Sorted(maps.Keys(names))...)}, nil
	}
	if r.Opts == nil { // the form of adapters before version 6
		return nil, nil
	}
	sockets := b.selected(r.Opts.Rooms, r.Opts.Except)
	switch r.Type {
	case joinRooms:
		for _, s := range sockets {
			s.Join(texted(r.Rooms)...)
		}
	case leaveRooms:
		for _, s := range sockets {
			s.Leave(texted(r.Rooms)...)
		}
	case disconnectSockets:
		for _, s := range sockets {
			s.Disconnect(r.Close)
		}
	case fetchSockets:
		details := []socketDetails{}
		for _, s := range sockets {
			details = append(details, describe(s))
		}
		return map[string]any{"requestId": r.ID, "sockets": details}, nil
	}
	return nil, nil
}

// selected returns the sockets in any of the rooms, or all for none, without those in
// the excepted ones.
func (b *bus) selected(rooms, except []room) []*socketio.Socket {
	ns, ok := b.ns.(roster)
	if !ok {
		return nil
	}
	named := func(name room) []*socketio.Socket {
		if name == "" { // no room has this name; to Sockets it means all
			return nil
		}
		return ns.Sockets(string(name))
	}
	seen := map[*socketio.Socket]bool{}
	for _, name := range except {
		for _, s := range named(name) {
			seen[s] = true
		}
	}
	candidates := [][]*socketio.Socket{}
	if len(rooms) == 0 {
		candidates = append(candidates, ns.Sockets(""))
	}
	for _, name := range rooms {
		candidates = append(candidates, named(name))
	}
	var found []*socketio.Socket
	for _, s := range slices.Concat(candidates...) {
		if !seen[s] {
			seen[s] = true
			found = append(found, s)
		}
	}
	return found
}

func texted(rooms []room) []string {
	names := make([]string, 0, len(rooms))
	for _, r := range rooms {
		names = append(names, string(r))
	}
	return names
}

// socketDetails is a socket as another server's fetchSockets returns it.
type socketDetails struct {
	ID        string           `json:"id"`
	Handshake handshakeDetails `json:"handshake"`
	Rooms     []string         `json:"rooms"`
	Data      any              `json:"data"`
}

type handshakeDetails struct {
	Headers map[string]string `json:"headers"`
	Time    string            `json:"time"`
	Address string            `json:"address"`
	XDomain bool              `json:"xdomain"`
	Secure  bool              `json:"secure"`
	Issued  int64             `json:"issued"` // milliseconds
	URL     string            `json:"url"`
	Query   map[string]string `json:"query"`
	Auth    json.RawMessage   `json:"auth"`
}

func describe(s *socketio.Socket) socketDetails {
	h := s.Handshake()
	d := handshakeDetails{
		Headers: map[string]string{}, Query: map[string]string{},
		Time:    h.Issued.UTC().Format("Mon Jan 02 2006 15:04:05 GMT-0700 (MST)"),
		Address: h.RemoteAddr, XDomain: h.XDomain, Secure: h.Secure,
		Issued: h.Issued.UnixMilli(), URL: h.URL, Auth: s.Auth(),
	}
	for name, values := range h.Headers {
		d.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	for name, values := range h.Query {
		d.Query[name] = values[len(values)-1]
	}
	data := s.Data()
	if data == nil {
		data = struct{}{}
	}
	return socketDetails{ID: s.ID(), Handshake: d, Rooms: append([]string{}, s.Rooms()...), Data: data}
}
