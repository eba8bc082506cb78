package socketio

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// Target selects the sockets of a namespace to which it emits, on all servers.
// It is a value: every method returns a new one.
type Target struct {
	ns            *Namespace
	rooms, except []string
	flags         Flags
}

// To selects the sockets in rooms.
func (ns *Namespace) To(rooms ...string) Target { return Target{ns: ns}.To(rooms...) }

// Except selects the sockets that are not in rooms.
func (ns *Namespace) Except(rooms ...string) Target { return Target{ns: ns}.Except(rooms...) }

// Volatile selects all sockets for events that may be lost.
func (ns *Namespace) Volatile() Target { return Target{ns: ns}.Volatile() }

// Local selects the sockets of this server.
func (ns *Namespace) Local() Target { return Target{ns: ns}.Local() }

// Emit sends an event to all sockets; see Target.Emit.
func (ns *Namespace) Emit(event string, args ...any) error {
	return Target{ns: ns}.Emit(event, args...)
}

// EmitRaw sends an event to all sockets; see Target.EmitRaw.
func (ns *Namespace) EmitRaw(event string, args json.RawMessage, attachments ...[]byte) error {
	return Target{ns: ns}.EmitRaw(event, args, attachments...)
}

// To adds rooms. A socket in several of them receives one copy.
func (t Target) To(rooms ...string) Target {
	t.rooms = append(slices.Clip(t.rooms), rooms...)
	return t
}

// Except takes away the sockets in rooms.
func (t Target) Except(rooms ...string) Target {
	t.except = append(slices.Clip(t.except), rooms...)
	return t
}

// Volatile passes over sockets that cannot take the event at once.
func (t Target) Volatile() Target {
	t.flags.Volatile = true
	return t
}

// Local leaves out other servers.
func (t Target) Local() Target {
	t.flags.Local = true
	return t
}

// Emit sends an event with arguments as Socket.Emit takes them. It waits while
// the buffer of a room of this server is full, never for a client or another
// server. An error says that nothing was sent, or, from an Adapter, that
// the other servers were not reached.
func (t Target) Emit(event string, args ...any) error {
	data, attachments, err := eventData(event, args)
	if err != nil {
		return err
	}
	return t.emit(event, data, attachments)
}

// EmitRaw is Emit with arguments that are a JSON array already; its bytes are
// sent as they are.
func (t Target) EmitRaw(event string, args json.RawMessage, attachments ...[]byte) error {
	data, err := rawEventData(event, args)
	if err != nil {
		return err
	}
	return t.emit(event, data, attachments)
}

func (t Target) emit(event string, data json.RawMessage, attachments [][]byte) error {
	b := Broadcast{
		Packet: Packet{Type: EventPacket, Namespace: t.ns.name, Data: data, Attachments: attachments},
		Rooms:  t.rooms,
		Except: t.except,
		Flags:  t.flags,
	}
	if t.ns.journal != nil && !b.Flags.Volatile && !b.Flags.Local {
		err := b.Packet.check()
		if err == nil {
			err = t.ns.journal.Append(b) // which delivers it
		}
		if err != nil {
			return fmt.Errorf("emit %q: %w", event, err)
		}
		return nil
	}
	if err := t.ns.deliver(b); err != nil {
		return fmt.Errorf("emit %q: %w", event, err)
	}
	if b.Flags.Local {
		return nil
	}
	if err := t.ns.bus.Publish(b); err != nil {
		return fmt.Errorf("publish %q: %w", event, err)
	}
	return nil
}

// Deliver gives a broadcast to the sockets of this process. One that cannot be
// encoded is logged and dropped.
func (ns *Namespace) Deliver(b Broadcast) {
	if err := ns.deliver(b); err != nil {
		ns.server.logger.Warn("broadcast dropped", "namespace", ns.name, "error", err)
	}
}

func (ns *Namespace) deliver(b Broadcast) error {
	b.Packet.Namespace = ns.name
	d := delivery{Broadcast: b}
	if ns.server.recovery > 0 && b.Packet.ID == nil {
		if at := ns.position(); at != "" {
			d.offset = cmp.Or(b.Offset, at) // at: most likely still when it is put into the rooms
		}
	}
	var err error
	if d.frame, err = ns.server.frame(&b.Packet, d.offset); err != nil {
		return err
	}
	for {
		direct, full := ns.queue(&d)
		if full != nil {
			<-full
			continue
		}
		for _, s := range direct {
			_ = s.sendFrame(d.frame, b.Flags.Volatile) // it may have gone since
		}
		return nil
	}
}

// delivery is a broadcast on its way to the rooms.
type delivery struct {
	Broadcast
	frame  *engineio.Frame
	offset string // in the frame
}

// mark needs ns.mu. It returns the offset of the delivery's entries, after having
// brought the one in its frame up to date.
func (ns *Namespace) mark(d *delivery) string {
	switch {
	case ns.journal == nil:
		return ""
	case d.Offset != "":
		ns.advance(d.Offset)
		return d.Offset
	}
	at := ns.at()
	if d.offset != at && d.Packet.ID == nil {
		if f, err := ns.server.frame(&d.Packet, at); err == nil { // as before
			d.frame, d.offset = f, at
		}
	}
	return at
}

// queue appends a frame to the buffers of the rooms that a broadcast names. It
// returns the sockets that are named by their ids and have no rooms of their own.
// When a room is full it does nothing and returns the channel that is closed when
// to try again.
func (ns *Namespace) queue(d *delivery) (direct []*Socket, full <-chan struct{}) {
	// Entries of several rooms have to be numbered in the same order in each. A
	// broadcast of the journal moves the namespace's position for all rooms at once.
	if len(d.Rooms) > 1 || d.Offset != "" {
		ns.mu.Lock()
		defer ns.mu.Unlock()
	} else {
		ns.mu.RLock()
		defer ns.mu.RUnlock()
	}
	if ns.closed {
		return nil, nil
	}
	rooms, direct := ns.named(d.Rooms)
	for _, r := range rooms {
		if full := r.full(); full != nil {
			return nil, full
		}
	}
	offset := ns.mark(d)
	skip := ns.skips(d.Except)
	for i, r := range rooms {
		r.push(entry{frame: d.frame, offset: offset, volatile: d.Flags.Volatile, skip: with(skip, r.overlap(rooms[:i]))})
	}
	return slices.DeleteFunc(direct, func(s *Socket) bool {
		_, skipped := skip[s]
		return skipped || s.inAny(rooms)
	}), nil
}

// named needs ns.mu. It looks up rooms, and sockets by their ids unless these have
// rooms of their own: what comes from the journal is put into all at once.
func (ns *Namespace) named(names []string) (rooms []*room, direct []*Socket) {
	if len(names) == 0 {
		return []*room{ns.everyone}, nil
	}
	for _, name := range names {
		if r := ns.rooms[name]; r != nil && !slices.Contains(rooms, r) {
			rooms = append(rooms, r)
		}
		if s := ns.sockets[name]; s != nil && ns.journal == nil && !slices.Contains(direct, s) {
			direct = append(direct, s)
		}
	}
	return rooms, direct
}

// skips needs ns.mu. It returns the sockets in rooms.
func (ns *Namespace) skips(rooms []string) (skip map[*Socket]struct{}) {
	for _, name := range rooms {
		skip = with(skip, ns.inRoom(name))
	}
	return skip
}

// overlap needs ns.mu. It returns the members that are in others, too.
func (r *room) overlap(others []*room) (both []*Socket) {
	if len(others) == 0 {
		return nil
	}
	for _, s := range r.sockets() {
		if s.inAny(others) {
			both = append(both, s)
		}
	}
	return both
}

// inAny needs ns.mu, without which no socket joins or leaves.
func (s *Socket) inAny(rooms []*room) bool {
	return slices.ContainsFunc(s.members, func(m *member) bool { return slices.Contains(rooms, m.room) })
}

// with returns a copy of set with more in it; entries share what they skip and
// never change it.
func with(set map[*Socket]struct{}, more []*Socket) map[*Socket]struct{} {
	if len(more) == 0 {
		return set
	}
	grown := make(map[*Socket]struct{}, len(set)+len(more))
	for s := range set {
		grown[s] = struct{}{}
	}
	for _, s := range more {
		grown[s] = struct{}{}
	}
	return grown
}
