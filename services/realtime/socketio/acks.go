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

// acks are the answers that a socket still owes. The zero value is ready.
type acks struct {
	mu      sync.Mutex
	waiting map[uint64]awaited
	closed  bool
}

// awaited is told of an answer, or with ok false that there will be none: once,
// by a goroutine that must not wait.
type awaited func(answer Args, ok bool)

// expect has call told of the answer with an id.
func (a *acks) expect(id uint64, call awaited) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		call(Args{}, false)
		return
	}
	if a.waiting == nil {
		a.waiting = make(map[uint64]awaited)
	}
	a.waiting[id] = call
}

// forget is for those who wait no longer. Unless it was told before, the one who
// waits is told that there is no answer.
func (a *acks) forget(id uint64) {
	a.settle(id, Args{}, false)
}

// resolve hands an answer over. One that nobody asked for is ignored.
func (a *acks) resolve(id *uint64, answer Args) {
	if id != nil {
		a.settle(*id, answer, true)
	}
}

func (a *acks) settle(id uint64, answer Args, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if call := a.waiting[id]; call != nil {
		delete(a.waiting, id)
		call(answer, ok)
	}
}

// close ends every wait.
func (a *acks) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for _, call := range a.waiting {
		call(Args{}, false)
	}
	a.waiting = nil
}
