package cluster

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// answer is the form of all answers. It is JSON, and MessagePack for clientAck.
type answer struct {
	Type    *requestType    `json:"type,omitempty"` // of serverEvent, clientCount and clientAck
	ID      string          `json:"requestId"`
	Sockets json.RawMessage `json:"sockets,omitempty"`     // of socketIDs and fetchSockets
	Rooms   *names          `json:"rooms,omitempty"`       // of roomNames
	Clients *int            `json:"clientCount,omitempty"` // of clientCount
	Data    json.RawMessage `json:"data,omitempty"`        // of serverEvent: one value
	Packet  json.RawMessage `json:"packet,omitempty"`      // of clientAck: one value
}

// answer publishes what this container says to a request.
func (b *bus) answer(r *request, reply socketio.Reply) {
	channel := b.answers
	if b.redis.opts.DirectAnswers && r.UID != "" && r.Type != serverEvent {
		channel = b.directAnswers(r.UID)
	}
	payload, err := encodeAnswer(r, &reply)
	b.reply(channel, payload, err)
}

func encodeAnswer(r *request, reply *socketio.Reply) ([]byte, error) {
	a := answer{ID: r.ID}
	var err error
	switch r.Type {
	case socketIDs:
		a.Sockets, err = toJSON(toNames(reply.Names))
	case fetchSockets:
		a.Sockets, err = toJSON(describe(reply.Sockets))
	case roomNames:
		rooms := toNames(reply.Names)
		a.Rooms = &rooms
	case serverEvent:
		if len(reply.Answer.Attachments()) > 0 {
			err = errBinary
		}
		a.Type, a.Data = &r.Type, reply.Answer.Raw(0)
	case broadcastAck:
		kind := clientCount
		if reply.Answer != nil {
			kind = clientAck
			a.Packet = reply.Answer.Raw(0)
		} else {
			a.Clients = &reply.Clients
		}
		a.Type = &kind
	}
	if err != nil {
		return nil, err
	}
	payload, err := toJSON(&a)
	if err == nil && reply.Answer != nil && r.Type == broadcastAck {
		payload, err = broadcast.AppendMsgpack(nil, payload, reply.Answer.Attachments()...)
	}
	return payload, err
}

// onAnswer takes what others say, mostly to others: that is not read.
func (b *bus) onAnswer(channel, payload string) {
	if !b.asked.concern(func(id string) bool { return strings.Contains(payload, id) }) {
		return
	}
	var a answer
	text, attachments, err := readJSON(payload)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		b.redis.malformedMessage(channel, fmt.Errorf("%w: answer: %w", errMessage, err))
		return
	}
	g := b.asked.find(a.ID)
	if g == nil {
		return
	}
	reply, err := a.reply(g.kind, attachments)
	if err != nil {
		b.redis.malformedMessage(channel, err)
		return
	}
	g.add(reply)
}

// reply makes of an answer what was asked for.
func (a *answer) reply(kind socketio.QuestionKind, attachments [][]byte) (r socketio.Reply, err error) {
	switch {
	case kind == socketio.AskIDs:
		var ids names
		err = json.Unmarshal(a.Sockets, &ids)
		r.Names = ids.texts()
	case kind == socketio.AskSockets:
		var details []socketDetails
		err = json.Unmarshal(a.Sockets, &details)
		r.Sockets = remote(details, attachments)
	case kind == socketio.AskRooms && a.Rooms != nil:
		r.Names = a.Rooms.texts()
	case kind == socketio.AskServer:
		r.Answer, err = oneValue(a.Data, attachments)
	case kind == socketio.AskClients && a.Clients != nil:
		r.Clients = *a.Clients
	case kind == socketio.AskClients:
		r.Answer, err = oneValue(a.Packet, attachments)
	default:
		err = errMessage
	}
	if err != nil {
		return r, fmt.Errorf("%w: answer: %w", errMessage, err)
	}
	return r, nil
}

// oneValue is what an acknowledgement says; nothing is null.
func oneValue(value json.RawMessage, attachments [][]byte) (*socketio.Args, error) {
	if len(value) == 0 {
		value = json.RawMessage("null")
	}
	args, err := socketio.NewArgs(append(append(json.RawMessage{'['}, value...), ']'), attachments...)
	return &args, err
}
