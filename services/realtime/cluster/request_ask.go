package cluster

import (
	"errors"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// errBinary says that an event for servers holds what the classic wire has no form for.
var errBinary = errors.New("events between servers carry no binary data on the classic wire")

// question implements wire.
func (b *bus) question(id string, q *socketio.Question) (channel string, payload []byte, err error) {
	r := request{UID: b.redis.opts.UID, ID: id, Type: questionTypes[q.Kind]}
	switch q.Kind {
	case socketio.AskSockets:
		r.Opts = selectionOf(q.Rooms, q.Except)
	case socketio.AskIDs:
		r.Rooms = toNames(q.Rooms)
	case socketio.AskServer:
		if len(q.Event.Attachments) > 0 {
			return "", nil, errBinary
		}
		r.Data = q.Event.Data
	case socketio.AskClients:
		r.Packet = &packet{Type: eventType, Data: q.Event.Data, Nsp: b.name}
		r.Opts = selectionOf(q.Rooms, q.Except)
		r.Opts.Flags = flagsOf(q)
	}
	payload, err = toJSON(&r)
	if err == nil && q.Kind == socketio.AskClients {
		payload, err = broadcast.AppendMsgpack(nil, payload, q.Event.Attachments...)
	}
	return b.requests, payload, err
}

func selectionOf(rooms, except []string) *selection {
	return &selection{Rooms: toNames(rooms), Except: toNames(except)}
}

// flagsOf are those of a broadcast with acks.
func flagsOf(q *socketio.Question) *flags {
	return &flags{Timeout: max(1, float64(q.Timeout/time.Millisecond)), Volatile: q.Volatile}
}

// order implements wire. Others pass over the id, by which it is known again here.
func (b *bus) order(id string, o *socketio.Order) (channel string, payload []byte, err error) {
	r := request{UID: b.redis.opts.UID, Type: orderTypes[o.Kind]}
	if o.Kind == socketio.ServerEvent {
		if len(o.Event.Attachments) > 0 {
			return "", nil, errBinary
		}
		r.Data = o.Event.Data
	} else {
		r.ID, r.Opts = id, selectionOf(o.Rooms, o.Except)
	}
	switch o.Kind {
	case socketio.JoinRooms, socketio.LeaveRooms:
		r.Rooms = toNames(o.Targets)
	case socketio.DisconnectSockets:
		r.Close = &o.Close
	}
	payload, err = toJSON(&r)
	return b.requests, payload, err
}
