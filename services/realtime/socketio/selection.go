package socketio

import "fmt"

// SocketsJoin puts the selected sockets of all servers into rooms. For a moment it waits
// for the other servers' turn, so that what is emitted before and after keeps its place;
// call it from any goroutine but not with locks held. An error says that sockets of
// other servers may not be in the rooms; those of this one are.
func (t Target) SocketsJoin(rooms ...string) error {
	return t.tell(Order{Kind: JoinRooms, Targets: rooms}, "join rooms")
}

// SocketsLeave takes the selected sockets of all servers out of rooms, as SocketsJoin
// puts them in.
func (t Target) SocketsLeave(rooms ...string) error {
	return t.tell(Order{Kind: LeaveRooms, Targets: rooms}, "leave rooms")
}

// DisconnectSockets disconnects the selected sockets of all servers as
// Socket.Disconnect does. It waits and fails as SocketsJoin does.
func (t Target) DisconnectSockets(closeSession bool) error {
	return t.tell(Order{Kind: DisconnectSockets, Close: closeSession}, "disconnect sockets")
}

// SocketsJoin puts all sockets into rooms; see Target.SocketsJoin.
func (ns *Namespace) SocketsJoin(rooms ...string) error { return Target{ns: ns}.SocketsJoin(rooms...) }

// SocketsLeave takes all sockets out of rooms; see Target.SocketsLeave.
func (ns *Namespace) SocketsLeave(rooms ...string) error {
	return Target{ns: ns}.SocketsLeave(rooms...)
}

// DisconnectSockets disconnects all sockets; see Target.DisconnectSockets.
func (ns *Namespace) DisconnectSockets(closeSession bool) error {
	return Target{ns: ns}.DisconnectSockets(closeSession)
}

func (t Target) tell(o Order, what string) error {
	if len(o.Targets) == 0 && o.Kind != DisconnectSockets {
		return nil
	}
	o.Rooms, o.Except = t.rooms, t.except
	if err := t.ns.tell(o, t.flags.Local); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Obey implements Local.
func (ns *Namespace) Obey(o Order) {
	if o.Kind == ServerEvent {
		ns.serverEvent(&o.Event, nil)
		return
	}
	for _, s := range ns.selected(o.Rooms, o.Except) {
		switch o.Kind {
		case JoinRooms:
			s.Join(o.Targets...)
		case LeaveRooms:
			s.Leave(o.Targets...)
		case DisconnectSockets:
			s.Disconnect(o.Close)
		}
	}
}

// selected returns the sockets of this process in any of the rooms, or all for none,
// without those in the excepted ones.
func (ns *Namespace) selected(rooms, except []string) (sockets []*Socket) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	seen := ns.skips(except)
	if seen == nil {
		seen = make(map[*Socket]struct{})
	}
	take := func(candidates []*Socket) {
		for _, s := range candidates {
			if _, ok := seen[s]; !ok {
				seen[s] = struct{}{}
				sockets = append(sockets, s)
			}
		}
	}
	if len(rooms) == 0 {
		take(ns.everyone.sockets())
	}
	for _, name := range rooms {
		take(ns.inRoom(name))
	}
	return sockets
}
