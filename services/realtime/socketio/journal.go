package socketio

import (
	"context"
	"errors"
	"slices"
)

// ErrNotRecoverable says that a client cannot go on where it stopped: its session is
// unknown or another player's, or what it missed is not complete any more. The client
// begins afresh and knows it.
var ErrNotRecoverable = errors.New("session is not recoverable")

// Journal keeps the broadcasts of one namespace for a while, in one order for all
// processes, and the sessions of clients that may come back to any of them. A Bus that
// has one implements it. Offsets are places in the journal: texts that clients keep and
// send back, with no meaning to anybody else. They are printable ASCII without quotes and
// backslashes.
//
// All methods may be called concurrently. Append, Save, Release and Forget do not wait
// for the network; the last three, and Position, are called with locks held that Deliver
// and resume take, so they do not wait for these either.
type Journal interface {
	// Append queues a broadcast that reaches every process through Local.Deliver with
	// Broadcast.Offset set: this process too, so the caller does not deliver it. While
	// the others cannot be reached for long it is delivered here all the same, and
	// there when they can. Broadcasts of one goroutine keep their order. An error says
	// that nothing was queued.
	Append(b Broadcast) error
	// Resume takes over the session of a client that comes back with the ids and the
	// offset it was given; an empty offset stands for the one of its beginning, and so
	// does one from before it: clients that begin afresh keep their last offset until the
	// first event. owner must be the session's own. resume runs while Deliver does not, and must not block:
	// what it is told to send, and all that is delivered after it, is everything.
	// An error wraps ErrNotRecoverable, or says that the journal cannot be read now;
	// resume has not run then.
	Resume(ctx context.Context, pid, owner, offset string, resume func(Resumed)) error
	// Position is the offset up to which everything was delivered here: the Since of
	// sessions and stays that begin now. It takes a broadcast in once its Deliver has
	// returned, and at their turn those for rooms of other processes, which no Deliver
	// shows. While resume runs it is Resumed.Offset. It is never empty; before the journal
	// was reached it is a text from which nobody can go on.
	Position() string
	// Save keeps a session as it is now, for as long as this process lives and a
	// recovery window longer. The last one saved for a pid counts.
	Save(s Session)
	// Release says that the client is gone and may come back within the window.
	Release(pid string)
	// Forget says that the client has left and does not come back.
	Forget(pid string)
}

// Session is what a client gets back with its recovery.
type Session struct {
	PID   string // secret; the key to the session
	SID   string // the socket's id
	Owner string // who may resume it; see Socket.SetOwner
	Since string // offset at which it began
	Stays []Stay // the rooms it is in or was in lately, without that of its id

	// Moved, unless nil, is called when another process has taken over a session that was
	// saved here: its socket here is a ghost. It does not block. Save does not call it,
	// because it takes locks that are held during Save.
	Moved func()
}

// Stay is a room that a socket is in, and the offset at which it joined. What was
// emitted to the room before is not for it. Until is the offset at which it left, empty
// while it is in: what was emitted before may not have reached the client.
type Stay struct{ Room, Since, Until string }

// Receives reports whether a broadcast was for the client of a session when it was
// emitted. behind reports whether the broadcast is behind an offset in the journal.
func (s *Session) Receives(b *Broadcast, behind func(offset string) bool) bool {
	if !behind(s.Since) {
		return false
	}
	in := func(room string) bool {
		return room == s.SID || slices.ContainsFunc(s.Stays, func(stay Stay) bool {
			return stay.Room == room && behind(stay.Since) && (stay.Until == "" || !behind(stay.Until))
		})
	}
	return (len(b.Rooms) == 0 || slices.ContainsFunc(b.Rooms, in)) && !slices.ContainsFunc(b.Except, in)
}

// Resumed is a session that goes on.
type Resumed struct {
	Session Session
	Offset  string      // up to which Missed reaches; the namespace's position
	Missed  []Broadcast // in order, each with its Offset
}
