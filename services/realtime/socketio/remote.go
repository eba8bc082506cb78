package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// RemoteSocket is what a server said of one of its sockets. Its methods reach the socket
// wherever it is.
type RemoteSocket struct {
	ID          string
	Handshake   engineio.Handshake
	Auth        json.RawMessage // see Socket.Auth
	Rooms       []string
	Data        json.RawMessage // what Socket.Data returned; {} when that is nil
	Attachments [][]byte        // what placeholders in Data stand for, when a Node server sent it

	ns *Namespace
}

// Emit sends an event to the socket; see Target.Emit.
func (r *RemoteSocket) Emit(event string, args ...any) error { return r.target().Emit(event, args...) }

// EmitWithAck sends an event to the socket and waits for its client's answer, which has
// one argument; see Target.EmitWithAck. ErrDisconnected says that the socket is gone.
func (r *RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	answers, err := r.target().EmitWithAck(ctx, event, args...)
	if len(answers) > 0 {
		return answers[0], nil
	}
	if err == nil {
		err = fmt.Errorf("emit %q: %w", event, ErrDisconnected)
	}
	return Args{}, err
}

// Join puts the socket into rooms; see Target.SocketsJoin.
func (r *RemoteSocket) Join(rooms ...string) error { return r.target().SocketsJoin(rooms...) }

// Leave takes the socket out of rooms; see Target.SocketsLeave.
func (r *RemoteSocket) Leave(rooms ...string) error { return r.target().SocketsLeave(rooms...) }

// Disconnect disconnects the socket; see Target.DisconnectSockets.
func (r *RemoteSocket) Disconnect(closeSession bool) error {
	return r.target().DisconnectSockets(closeSession)
}

func (r *RemoteSocket) target() Target { return r.ns.To(r.ID) }

// FetchSockets returns the selected sockets of all servers. Those of other servers have
// data and auth as JSON carries them, so do those of this one; what a Socket's Data
// points to must not change meanwhile. An error wraps ErrPartial; the sockets that are
// known are returned with it.
func (t Target) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	q := Question{Kind: AskSockets, Rooms: t.rooms, Except: t.except}
	found := t.ns.describe(&q)
	err := t.ns.ask(ctx, q, t.flags.Local, func(r Reply) { found = append(found, r.Sockets...) })
	for i := range found {
		found[i].ns = t.ns
	}
	if err != nil {
		return found, fmt.Errorf("fetch sockets: %w", err)
	}
	return found, nil
}

// FetchSockets returns the sockets of all servers; see Target.FetchSockets.
func (ns *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return Target{ns: ns}.FetchSockets(ctx)
}

// AllRooms returns the rooms that have sockets on any server, in no order. The id of
// each socket is one of them. An error wraps ErrPartial; the rooms that are known are
// returned with it.
func (ns *Namespace) AllRooms(ctx context.Context) ([]string, error) {
	names, err := ns.names(ctx, AskRooms)
	if err != nil {
		return names, fmt.Errorf("list rooms: %w", err)
	}
	return names, nil
}

// Stats are the figures of a namespace on all servers.
type Stats struct {
	Servers int // this one included
	Sockets int
	Rooms   int // that are no ids of sockets
}

// Stats counts what is there on all servers. An error wraps ErrPartial; what is known is
// counted.
func (ns *Namespace) Stats(ctx context.Context) (Stats, error) {
	var ids, rooms []string
	var errs [3]error
	stats := Stats{}
	var wg sync.WaitGroup // three questions at the same time
	wg.Go(func() { stats.Servers, errs[0] = ns.Size(ctx) })
	wg.Go(func() { ids, errs[1] = ns.names(ctx, AskIDs) })
	wg.Go(func() { rooms, errs[2] = ns.names(ctx, AskRooms) })
	wg.Wait()
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	stats.Sockets = len(ids)
	for _, room := range rooms {
		if !known[room] {
			stats.Rooms++
		}
	}
	for i, err := range errs {
		if err != nil && i == 0 {
			err = &PartialError{Cause: err}
		}
		if err != nil {
			return stats, fmt.Errorf("count sockets: %w", err)
		}
	}
	return stats, nil
}

// names asks for names, of which each is returned once.
func (ns *Namespace) names(ctx context.Context, kind QuestionKind) ([]string, error) {
	q := Question{Kind: kind}
	seen := make(map[string]bool)
	var names []string
	take := func(r Reply) {
		for _, name := range r.Names {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	ns.Answer(q, take)
	err := ns.ask(ctx, q, false, take)
	return names, err
}

// Answer implements Local.
func (ns *Namespace) Answer(q Question, reply func(Reply)) {
	switch q.Kind {
	case AskSockets:
		reply(Reply{Sockets: ns.describe(&q)})
	case AskIDs:
		sockets := ns.selected(q.Rooms, q.Except)
		ids := make([]string, len(sockets))
		for i, s := range sockets {
			ids[i] = s.ID()
		}
		reply(Reply{Names: ids})
	case AskRooms:
		names := ns.Rooms()
		slices.Sort(names)
		reply(Reply{Names: names})
	case AskServer:
		ns.serverEvent(&q.Event, ns.answering(reply))
	case AskClients:
		ns.survey(&q, reply)
	}
}

// describe returns the selected sockets of this process as others see them.
func (ns *Namespace) describe(q *Question) []RemoteSocket {
	sockets := ns.selected(q.Rooms, q.Except)
	found := make([]RemoteSocket, 0, len(sockets))
	for _, s := range sockets {
		data := json.RawMessage("{}")
		if value := s.Data(); value != nil {
			text, err := appendJSON(nil, value)
			if err == nil {
				data = text
			} else {
				ns.server.logger.Warn("data of a socket has no JSON", "namespace", ns.name, "error", err)
			}
		}
		found = append(found, RemoteSocket{ID: s.ID(), Handshake: *s.Handshake(), Auth: s.Auth(), Rooms: s.Rooms(), Data: data})
	}
	return found
}
