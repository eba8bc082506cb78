package cluster

import (
	"fmt"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// encodeOrder writes an order. Others pass over the id, by which it is known again here.
func encodeOrder(uid, namespace, id string, o *socketio.Order) ([]byte, error) {
	m := envelope{UID: uid, Nsp: namespace}
	switch o.Kind {
	case socketio.JoinRooms:
		m.Type = shardedJoin
	case socketio.LeaveRooms:
		m.Type = shardedLeave
	case socketio.DisconnectSockets:
		m.Type, m.Data.Close = shardedDisconnect, &o.Close
	case socketio.ServerEvent:
		m.Type, m.Data.Packet, m.attachments = shardedEvent, o.Event.Data, o.Event.Attachments
		return m.encode()
	}
	m.Data.ID, m.Data.Opts, m.Data.Rooms = id, selectionOf(o.Rooms, o.Except), toNames(o.Targets)
	return m.encode()
}

// encodeQuestion writes a question. Node servers know no questions for names alone: they
// describe their sockets.
func encodeQuestion(uid, namespace, id string, q *socketio.Question) ([]byte, error) {
	m := envelope{UID: uid, Nsp: namespace, Type: shardedFetch, Data: envelopeData{ID: id}}
	switch q.Kind {
	case socketio.AskServer:
		m.Type, m.Data.Packet, m.attachments = shardedEvent, q.Event.Data, q.Event.Attachments
		return m.encode()
	case socketio.AskClients:
		text, err := toJSON(packet{Type: eventType, Data: q.Event.Data})
		if err != nil {
			return nil, err
		}
		m.Type, m.Data.Packet, m.attachments = shardedBroadcast, text, q.Event.Attachments
	case socketio.AskIDs, socketio.AskRooms:
		m.Data.Brief = true
	}
	m.Data.Opts = selectionOf(q.Rooms, q.Except)
	if q.Kind == socketio.AskClients {
		m.Data.Opts.Flags = flagsOf(q)
	}
	return m.encode()
}

// order returns what a message wants done; ok is false when it is none of these.
func (m *envelope) order() (o socketio.Order, ok bool, err error) {
	switch {
	case m.Type == shardedJoin:
		o.Kind = socketio.JoinRooms
	case m.Type == shardedLeave:
		o.Kind = socketio.LeaveRooms
	case m.Type == shardedDisconnect:
		o.Kind = socketio.DisconnectSockets
	case m.Type == shardedEvent && m.Data.ID == "":
		o.Kind = socketio.ServerEvent
		o.Event, err = m.event()
		return o, true, err
	default:
		return o, false, nil
	}
	if m.Data.Opts == nil { // it would be for all sockets
		return o, false, fmt.Errorf("%w: order for nobody", errMessage)
	}
	o.Rooms, o.Except, o.Targets = m.Data.Opts.Rooms.texts(), m.Data.Opts.Except.texts(), m.Data.Rooms.texts()
	o.Close = m.Data.Close != nil && *m.Data.Close
	return o, true, nil
}

// question returns what a message asks; ok is false when it asks nothing.
func (m *envelope) question() (q socketio.Question, ok bool, err error) {
	switch m.Type {
	case shardedFetch:
		q.Kind = socketio.AskSockets
	case shardedEvent:
		q.Kind = socketio.AskServer
		q.Event, err = m.event()
	case shardedBroadcast:
		q.Kind = socketio.AskClients
		q.Event, err = m.event()
	default:
		return q, false, nil
	}
	if opts := m.Data.Opts; opts != nil {
		q.Rooms, q.Except, q.Timeout = opts.Rooms.texts(), opts.Except.texts(), opts.Flags.timeout()
		q.Volatile = opts.Flags != nil && opts.Flags.Volatile
	}
	return q, true, err
}

// encodeReply writes the answer to a question.
func encodeReply(uid string, to *envelope, reply *socketio.Reply) ([]byte, error) {
	m := envelope{UID: uid, Nsp: to.Nsp, Data: envelopeData{ID: to.Data.ID}}
	switch {
	case to.Type == shardedFetch:
		m.Type = shardedFound
		found := describe(reply.Sockets)
		if to.Data.Brief {
			for i := range found {
				found[i].Handshake, found[i].Data = nil, nil
			}
		}
		m.Data.Sockets = &found
	case reply.Answer == nil:
		m.Type, m.Data.Clients = shardedClients, &reply.Clients
	default:
		m.Type = shardedClientAck
		if to.Type == shardedEvent {
			m.Type = shardedEventAck
		}
		m.Data.Packet, m.attachments = reply.Answer.Raw(0), reply.Answer.Attachments()
	}
	return m.encode()
}

// reply makes of an answer what was asked for.
func (m *envelope) reply(kind socketio.QuestionKind) (r socketio.Reply, err error) {
	switch {
	case m.Type == shardedFound && m.Data.Sockets != nil:
		sockets := *m.Data.Sockets
		switch kind {
		case socketio.AskSockets:
			r.Sockets = remote(sockets, m.attachments)
		case socketio.AskIDs:
			for i := range sockets {
				r.Names = append(r.Names, sockets[i].ID)
			}
		case socketio.AskRooms:
			for i := range sockets {
				r.Names = append(r.Names, sockets[i].Rooms.texts()...)
			}
		}
	case m.Type == shardedClients && m.Data.Clients != nil && kind == socketio.AskClients:
		r.Clients = *m.Data.Clients
	case m.Type == shardedClientAck && kind == socketio.AskClients, m.Type == shardedEventAck && kind == socketio.AskServer:
		r.Answer, err = oneValue(m.Data.Packet, m.attachments)
	default:
		err = fmt.Errorf("%w: answer to another question", errMessage)
	}
	return r, err
}
