package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// Emit sends an event to the client. Arguments are encoded as encoding/json
// does, except that []byte is sent as binary, also inside of []any and
// map[string]any, and json.RawMessage as it is. Emit
// does not wait for the client. It returns ErrDisconnected when the socket
// cannot send, and an error when an argument cannot be encoded, when the name
// is reserved, or when there are more than MaxAttachments attachments.
func (s *Socket) Emit(event string, args ...any) error {
	return s.emit(nil, false, event, args)
}

// EmitRaw is Emit with arguments that are a JSON array already. Its bytes are
// sent as they are; placeholders in it stand for the attachments.
func (s *Socket) EmitRaw(event string, args json.RawMessage, attachments ...[]byte) error {
	data, err := rawEventData(event, args)
	if err != nil {
		return err
	}
	return s.send(&Packet{Type: EventPacket, Namespace: s.ns.name, Data: data, Attachments: attachments}, false)
}

// EmitWithAck sends an event and waits for the client's answer: until ctx ends,
// whose error it then returns, or the socket is disconnected (ErrDisconnected).
// A handler of this socket may call it.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	id := s.ns.ackID.Add(1) - 1
	answer := make(chan Args, 1)
	s.acks.expect(id, func(args Args, ok bool) {
		if ok {
			answer <- args
		}
		close(answer)
	})
	defer s.acks.forget(id)
	if err := s.emit(&id, false, event, args); err != nil {
		return Args{}, err
	}
	select {
	case got, ok := <-answer:
		if !ok {
			return Args{}, fmt.Errorf("wait for the answer to %q: %w", event, ErrDisconnected)
		}
		return got, nil
	case <-ctx.Done():
		return Args{}, fmt.Errorf("wait for the answer to %q: %w", event, ctx.Err())
	}
}

// Volatile returns the socket as one whose events are dropped when the client
// cannot take them at once.
func (s *Socket) Volatile() VolatileSocket { return VolatileSocket{s} }

// VolatileSocket emits what may be lost.
type VolatileSocket struct{ s *Socket }

// Emit is Socket.Emit; a dropped event is no error.
func (v VolatileSocket) Emit(event string, args ...any) error {
	return v.s.emit(nil, true, event, args)
}

// To selects rooms without this socket.
func (s *Socket) To(rooms ...string) Target { return s.ns.Except(s.ID()).To(rooms...) }

// Broadcast selects the whole namespace without this socket.
func (s *Socket) Broadcast() Target { return s.ns.Except(s.ID()) }

func (s *Socket) emit(id *uint64, volatile bool, event string, args []any) error {
	data, attachments, err := eventData(event, args)
	if err != nil {
		return err
	}
	return s.send(&Packet{Type: EventPacket, Namespace: s.ns.name, ID: id, Data: data, Attachments: attachments}, volatile)
}

// noAck is for events to which no answer was asked for.
var noAck Ack = func(...any) {}

// ack makes the answer to an event with this id.
func (s *Socket) ack(id *uint64) Ack {
	if id == nil {
		return noAck
	}
	var done atomic.Bool
	return func(args ...any) {
		if done.Swap(true) {
			return
		}
		data, attachments, err := marshalArgs(args)
		if err == nil {
			err = s.send(&Packet{Type: AckPacket, Namespace: s.ns.name, ID: id, Data: data, Attachments: attachments}, false)
		}
		if err != nil && !errors.Is(err, ErrDisconnected) {
			s.ns.server.logger.Error("event could not be answered", "namespace", s.ns.name, "error", err)
		}
	}
}

func (s *Socket) send(p *Packet, volatile bool) error {
	if s.recovery != nil && p.Type == EventPacket && p.ID == nil {
		return s.sendMarked(p, volatile)
	}
	f, err := s.ns.server.frame(p, "")
	if err != nil {
		return fmt.Errorf("encode packet: %w", err)
	}
	return s.sendFrame(f, volatile)
}

func (s *Socket) sendFrame(f *engineio.Frame, volatile bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return ErrDisconnected
	}
	if volatile && !s.client.conn.Writable() {
		return nil
	}
	if !s.write(f) {
		return ErrDisconnected
	}
	return nil
}

// sendMarked sends an event with the offset up to which the client has
// everything then. An event without one would not do: the client takes any text
// at its end for an offset.
func (s *Socket) sendMarked(p *Packet, volatile bool) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("encode packet: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return ErrDisconnected
	}
	if volatile && !s.client.conn.Writable() {
		return nil
	}
	frames := s.due()
	f, err := s.ns.server.frame(p, s.recovery.offset)
	if err == nil { // it was checked
		frames = append(frames, f)
	}
	if !s.give(engineio.Join(frames...)) {
		return ErrDisconnected
	}
	return nil
}

// write needs s.mu. It sends what the rooms still hold for the socket, then f
// unless that is nil.
func (s *Socket) write(f *engineio.Frame) bool {
	frames := s.due()
	if f != nil {
		frames = append(frames, f)
	}
	if len(frames) == 0 {
		return true
	}
	return s.give(engineio.Join(frames...))
}

// give needs s.mu. It sends a frame unless the client has left.
func (s *Socket) give(f *engineio.Frame) bool { return !s.left && s.client.conn.Send(f) }
