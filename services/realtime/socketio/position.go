package socketio

// What a namespace knows of its place in the journal.

// keep sets the bus, and the journal when sockets are to be recovered.
func (ns *Namespace) keep(bus Bus) {
	ns.mu.Lock() // the adapter may deliver already
	defer ns.mu.Unlock()
	ns.bus = bus
	ns.watcher, _ = bus.(Watcher)
	if ns.server.recovery == 0 {
		return
	}
	if _, none := bus.(alone); none {
		ns.bus = newMemory(ns, ns.server.recovery)
	}
	journal, ok := ns.bus.(Journal)
	if !ok {
		ns.server.logger.Warn("clients of the namespace are not recovered: its adapter has no journal", "namespace", ns.name)
		return
	}
	ns.journal, ns.leaving = journal, make(map[string]chan struct{})
}

// at needs ns.mu. It is an offset up to which everything is in the rooms, and
// behind which nothing is: what is not from the journal is marked with it, and
// stays begin there. It is the journal's position unless a Deliver has filled the
// rooms and not returned: then the journal's position is still the one of before.
func (ns *Namespace) at() string {
	if at := ns.journal.Position(); at != ns.before {
		return at
	}
	return ns.pushed
}

// position is at, or empty without a journal.
func (ns *Namespace) position() string {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if ns.journal == nil {
		return ""
	}
	return ns.at()
}

// advance needs ns.mu, exclusively. It notes that a broadcast of the journal is in
// the rooms.
func (ns *Namespace) advance(offset string) {
	ns.pushed, ns.before = offset, ns.journal.Position()
}

// socket returns a socket of this process by its id, or nil.
func (ns *Namespace) socket(id string) *Socket {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.sockets[id]
}

// ended is called when the OnDisconnect functions of a socket have returned.
func (ns *Namespace) ended(s *Socket) {
	if s.recovery == nil {
		return
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	done := s.recovery.done
	close(done)
	if ns.leaving[s.id] == done { // else the client was back and left again meanwhile
		delete(ns.leaving, s.id)
	}
}

// endOf returns the channel that is closed when a socket of this id that has left
// is done with, or nil.
func (ns *Namespace) endOf(id string) <-chan struct{} {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.leaving[id]
}
