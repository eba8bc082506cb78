package socketio

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

const (
	// resumeTime bounds how long a client that comes back waits for the journal
	// before it begins afresh.
	resumeTime = 5 * time.Second
	// resumePause is how long it waits before a journal that failed is asked again.
	resumePause = 50 * time.Millisecond
	// maxEnded is how many rooms that a socket has left are kept with its session:
	// what was emitted to them before may be under way when the client is cut off.
	maxEnded = 32
)

// recovery is what a socket keeps so that its client can go on with another one.
// Socket.mu guards it. Sockets of namespaces without a journal have none.
type recovery struct {
	pid    string // the client's key to its session: secret
	owner  string
	offset string // of the last entry of a room that was written, or is not for the client
	since  string // where the session began
	stays  []Stay
	kept   bool          // the journal has the session, and this socket is the one to keep it up
	claim  claim         // what the client brought along
	done   chan struct{} // closed when the OnDisconnect functions have returned
}

// SetOwner says whose the client is, for middleware to call: its session goes on
// only with a client of the same owner. Without Options.Recovery it does nothing.
func (s *Socket) SetOwner(owner string) {
	if s.recovery == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recovery.owner = owner
	s.save()
}

// Recovered reports whether the client goes on where it stopped: with its former
// id, in its rooms, and with what was emitted to them meanwhile. It is false until
// OnConnect.
func (s *Socket) Recovered() bool {
	s.hooks.Lock()
	defer s.hooks.Unlock()
	return s.recovered
}

// resume takes the session over that the client asks for. It reports whether the
// socket is open now.
func (s *Socket) resume() (resumed bool) {
	if s.recovery == nil || s.recovery.claim.pid == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), resumeTime)
	defer cancel()
	s.mu.Lock()
	owner, from := s.recovery.owner, s.recovery.claim
	s.mu.Unlock()
	var ended <-chan struct{}
	var err error
	for again := true; again; {
		err = s.ns.journal.Resume(ctx, from.pid, owner, from.offset, func(r Resumed) {
			ended = s.takeOver(&r)
			resumed = true
		})
		// A journal that cannot be read now may have lost a connection, no more.
		again = err != nil && !resumed && !errors.Is(err, ErrNotRecoverable) && pause(ctx, resumePause)
	}
	if err != nil && !errors.Is(err, ErrNotRecoverable) {
		s.ns.server.logger.Warn("client begins afresh", "namespace", s.ns.name, "error", err)
	}
	if !resumed {
		s.ns.server.begun.Add(1)
		return false
	}
	s.ns.server.resumed.Add(1)
	s.mu.Lock()
	s.save()
	s.mu.Unlock()
	if ended != nil {
		<-ended
	}
	return true
}

// pause waits and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// takeOver makes the socket the one of a session and sends what the client has
// missed. The channel, unless nil, is closed when the functions of the former
// socket in this process have returned.
func (s *Socket) takeOver(was *Resumed) (ended <-chan struct{}) {
	session := &was.Session
	if ghost := s.ns.socket(session.SID); ghost != nil {
		ghost.vanish() // its connection is dead, which nobody noticed
	}
	answer := connected(s.ns.name, session.SID, session.PID)
	frames := make([]*engineio.Frame, 0, 1+len(was.Missed))
	if f, err := s.ns.server.frame(&answer, ""); err == nil { // as in open
		frames = append(frames, f)
	}
	for i := range was.Missed {
		b := &was.Missed[i]
		b.Packet.Namespace = s.ns.name
		f, err := s.ns.server.frame(&b.Packet, b.Offset)
		if err != nil {
			s.ns.server.logger.Warn("broadcast dropped", "namespace", s.ns.name, "error", err)
			continue
		}
		frames = append(frames, f)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.Lock()
	s.id, s.recovered = session.SID, true
	s.hooks.Unlock()
	r := s.recovery
	r.pid, r.since, r.offset, r.stays = session.PID, session.Since, was.Offset, slices.Clone(session.Stays)
	var rooms []string
	for _, stay := range r.stays {
		if stay.Until == "" {
			rooms = append(rooms, stay.Room)
		}
	}
	s.begin(append(rooms, s.early...))
	// One frame: a session takes it however long it is, unless others wait already.
	s.client.conn.Send(engineio.Join(frames...))
	return s.ns.endOf(session.SID)
}

// save needs s.mu. It hands the session to the journal as it is now.
func (s *Socket) save() {
	r := s.recovery
	if r == nil || !r.kept {
		return
	}
	s.ns.journal.Save(Session{
		PID: r.pid, SID: s.id, Owner: r.owner, Since: r.since,
		Stays: slices.Clone(r.stays), Moved: s.vanish,
	})
}

// part needs s.mu. It tells the journal that the client is gone.
func (s *Socket) part(why Reason) {
	r := s.recovery
	if r == nil || !r.kept {
		return
	}
	r.kept = false
	if recoverable(why) {
		s.ns.journal.Release(r.pid)
	} else {
		s.ns.journal.Forget(r.pid)
	}
}

// recoverable reports whether a client may come back after this.
func recoverable(why Reason) bool {
	return why != ServerNamespaceDisconnect && why != ClientNamespaceDisconnect && why != engineio.ParseError
}

// vanish ends a socket whose session goes on with another one, here or in
// another process.
func (s *Socket) vanish() {
	s.mu.Lock()
	s.recovery.kept = false
	s.mu.Unlock()
	s.end(engineio.TransportClose, nil)
	s.client.conn.Close(engineio.TransportClose)
}

// enter adds a stay, unless the socket is in the room already.
func (r *recovery) enter(room, at string) {
	if !slices.ContainsFunc(r.stays, func(stay Stay) bool { return stay.Room == room && stay.Until == "" }) {
		r.stays = append(r.stays, Stay{Room: room, Since: at})
	}
}

// exit ends stays.
func (r *recovery) exit(rooms []string, at string) {
	ended := 0
	for i := range r.stays {
		stay := &r.stays[i]
		if stay.Until == "" && slices.Contains(rooms, stay.Room) {
			stay.Until = at
		}
		if stay.Until != "" {
			ended++
		}
	}
	r.stays = slices.DeleteFunc(r.stays, func(stay Stay) bool { // the oldest first
		drop := stay.Until != "" && ended > maxEnded
		if drop {
			ended--
		}
		return drop
	})
}
