package socketio

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// sharedLog stands for a journal that several processes share. It is an Adapter;
// every server that opens a namespace with it is one of the processes.
type sharedLog struct {
	order sync.Mutex // of deliveries; before mu
	buses []*logBus

	mu       sync.Mutex
	log      []Broadcast // number i+1
	sessions map[string]Session
	homes    map[string]*logBus
	fails    error // of Append and Resume
	stumbles int   // how many calls of Resume fail
}

// logBus is one process on the log.
type logBus struct {
	alone
	*sharedLog
	ns       Local
	position atomic.Pointer[string]
}

func newSharedLog() *sharedLog {
	return &sharedLog{sessions: make(map[string]Session), homes: make(map[string]*logBus)}
}

func (l *sharedLog) Open(ns Local) (Bus, error) {
	l.order.Lock()
	defer l.order.Unlock()
	b := &logBus{sharedLog: l, ns: ns}
	b.moveTo(len(l.log))
	l.buses = append(l.buses, b)
	return b, nil
}

func (b *logBus) moveTo(number int) {
	at := fmt.Sprintf("e.%d", number)
	b.position.Store(&at)
}

// Publish delivers to the others.
func (b *logBus) Publish(m Broadcast) error {
	for _, other := range b.buses {
		if other != b {
			other.ns.Deliver(m)
		}
	}
	return nil
}

func (b *logBus) Append(m Broadcast) error {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	if err := b.fails; err != nil {
		b.mu.Unlock()
		return err
	}
	n := len(b.log) + 1
	m.Offset = fmt.Sprintf("e.%d", n)
	b.log = append(b.log, m)
	b.mu.Unlock()
	for _, to := range b.buses {
		here := len(m.Rooms) == 0
		for _, room := range m.Rooms {
			here = here || to.ns.HasRoom(room)
		}
		if here {
			to.ns.Deliver(m)
		}
		to.moveTo(n)
	}
	return nil
}

func (b *logBus) Position() string { return *b.position.Load() }

// number reads an offset.
func number(offset string) (n int) {
	if _, err := fmt.Sscanf(offset, "e.%d", &n); err != nil {
		panic(err)
	}
	return n
}

func (b *logBus) Resume(_ context.Context, pid, owner, offset string, resume func(Resumed)) error {
	b.order.Lock()
	defer b.order.Unlock()
	b.mu.Lock()
	s, known := b.sessions[pid]
	home, log, fails := b.homes[pid], b.log, b.fails
	if b.stumbles > 0 {
		b.stumbles--
		fails = io.ErrUnexpectedEOF
	} else {
		b.homes[pid] = b
	}
	b.mu.Unlock()
	switch {
	case fails != nil:
		return fails
	case !known || s.Owner != owner:
		return fmt.Errorf("resume: %w", ErrNotRecoverable)
	}
	if home != nil && home != b && s.Moved != nil {
		s.Moved()
	}
	seen := number(s.Since)
	if offset != "" {
		seen = max(seen, number(offset))
	}
	was := Resumed{Session: s, Offset: b.Position()}
	for i, m := range log {
		if i+1 > seen && s.Receives(&m, func(offset string) bool { return i+1 > number(offset) }) {
			was.Missed = append(was.Missed, m)
		}
	}
	resume(was)
	return nil
}

func (b *logBus) Save(s Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if home := b.homes[s.PID]; home == nil || home == b {
		b.sessions[s.PID], b.homes[s.PID] = s, b
	}
}

func (b *logBus) Release(string) {}

func (b *logBus) Forget(pid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.homes[pid] == b {
		delete(b.sessions, pid)
	}
}
