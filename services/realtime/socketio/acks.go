package socketio

import (
	"errors"
	"sync"
)

// ErrDisconnected says that a socket is gone, or was before it answered.
var ErrDisconnected = errors.New("socket is disconnected")

// Ack answers the event of a client, with arguments as Socket.Emit takes them.
// When the client asked for no answer or is gone, and from the second call on,
// it does nothing. An answer that cannot be encoded is logged.
type Ack func(args ...any)

// acks are the answers that a socket still owes to EmitWithAck. The zero value
// is ready.
type acks struct {
	mu      sync.Mutex
	waiting map[uint64]chan Args
	closed  bool
}

// expect makes room for an answer. The channel receives it, or is closed when
// the socket ends first.
func (a *acks) expect(id uint64) <-chan Args {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer := make(chan Args, 1)
	if a.closed {
		close(answer)
		return answer
	}
	if a.waiting == nil {
		a.waiting = make(map[uint64]chan Args)
	}
	a.waiting[id] = answer
	return answer
}

// forget is for those who wait no longer.
func (a *acks) forget(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

// resolve hands an answer over. One that nobody asked for is ignored.
func (a *acks) resolve(id *uint64, args Args) {
	if id == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer, ok := a.waiting[*id]; ok {
		delete(a.waiting, *id)
		answer <- args
	}
}

// close ends every wait.
func (a *acks) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, answer := range a.waiting {
		close(answer)
	}
	a.waiting = nil
}
