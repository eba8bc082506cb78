package socketio

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a journal in memory.
const (
	maxEvents   = 10_000
	maxHeld     = 16 << 20        // bytes of events
	minAge      = 5 * time.Minute // of events that are dropped for their age; the window if that is longer
	maxReleased = 20_000          // sessions whose clients are away
	maxLost     = 10_000          // rooms of which is known up to where events were dropped
)

// memory is the journal of a namespace that no other process shares. It ends with
// the process.
type memory struct {
	alone
	ns       Local
	epoch    string // tells its offsets from those of others
	window   time.Duration
	position atomic.Pointer[string]

	order sync.Mutex // held during Deliver and resume; locked before mu

	mu       sync.Mutex
	last     uint64
	events   []event
	bytes    int               // of events
	lost     map[string]uint64 // by room, "" for all: the last event that was dropped
	floor    uint64            // the same for rooms that lost does not list
	sessions map[string]*held  // by pid
	away     []absence         // in order of their ends
}

// event is a broadcast with its number, and when it was emitted.
type event struct {
	Broadcast
	number uint64
	at     time.Time
}

func (e *event) size() int {
	n := len(e.Packet.Data)
	for _, data := range e.Packet.Attachments {
		n += len(data)
	}
	return n
}

// held is a session; until is zero while its client is there.
type held struct {
	Session
	until time.Time
}

// absence is a client that is away, and until when it may come back.
type absence struct {
	pid   string
	until time.Time
}

func newMemory(ns Local, window time.Duration) *memory {
	m := &memory{
		ns: ns, epoch: newID()[:8], window: window,
		lost: make(map[string]uint64), sessions: make(map[string]*held),
	}
	begin := m.offset(0)
	m.position.Store(&begin)
	return m
}

// offset is the text of a number.
func (m *memory) offset(number uint64) string {
	return m.epoch + "." + strconv.FormatUint(number, 10)
}

// number needs m.mu. It reads an offset, which must be one that was given out.
func (m *memory) number(offset string) (uint64, error) {
	epoch, digits, _ := strings.Cut(offset, ".")
	n, err := strconv.ParseUint(digits, 10, 64)
	if epoch != m.epoch || err != nil || n > m.last || len(digits) > 1 && digits[0] == '0' {
		return 0, fmt.Errorf("%w: offset is of no event", ErrNotRecoverable)
	}
	return n, nil
}

// Append implements Journal.
func (m *memory) Append(b Broadcast) error {
	m.order.Lock()
	defer m.order.Unlock()
	b.Offset = m.record(b)
	m.ns.Deliver(b)
	m.position.Store(&b.Offset)
	return nil
}

// record keeps a broadcast, at the cost of old ones.
func (m *memory) record(b Broadcast) (offset string) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	b.Offset = m.offset(m.last)
	b.Packet.Attachments = slices.Clone(b.Packet.Attachments)
	for i, data := range b.Packet.Attachments {
		b.Packet.Attachments[i] = slices.Clone(data) // its owner may change it once it is emitted
	}
	m.events = append(m.events, event{b, m.last, now})
	m.bytes += m.events[len(m.events)-1].size()
	oldest := now.Add(-max(minAge, m.window))
	for len(m.events) > 0 && (len(m.events) > maxEvents || m.bytes > maxHeld || m.events[0].at.Before(oldest)) {
		m.drop()
	}
	return b.Offset
}

// drop needs m.mu. It drops the oldest event.
func (m *memory) drop() {
	e := &m.events[0]
	m.bytes -= e.size()
	if len(e.Rooms) == 0 {
		m.lost[""] = e.number
	}
	for _, room := range e.Rooms {
		m.lost[room] = e.number
	}
	if len(m.lost) > maxLost {
		clear(m.lost)
		m.floor = e.number
	}
	*e = event{}
	m.events = m.events[1:]
}

// Position implements Journal.
func (m *memory) Position() string { return *m.position.Load() }

// Resume implements Journal.
func (m *memory) Resume(ctx context.Context, pid, owner, offset string, resume func(Resumed)) error {
	m.order.Lock()
	defer m.order.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("resume session: %w", err)
	}
	session, missed, err := m.claim(pid, owner, offset)
	if err != nil {
		return fmt.Errorf("resume session: %w", err)
	}
	resume(Resumed{Session: session, Offset: m.Position(), Missed: missed})
	return nil
}

// claim finds a session and what its client has missed, and makes it one whose
// client is there.
func (m *memory) claim(pid, owner, offset string) (Session, []Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(time.Now())
	s := m.sessions[pid]
	if s == nil || subtle.ConstantTimeCompare([]byte(s.Owner), []byte(owner)) == 0 {
		return Session{}, nil, fmt.Errorf("%w: unknown, expired or another's", ErrNotRecoverable)
	}
	since, err := m.number(s.Since)
	if err != nil {
		return Session{}, nil, err
	}
	seen := since
	if offset != "" {
		if seen, err = m.number(offset); err != nil {
			return Session{}, nil, err
		}
	}
	seen = max(seen, since)
	if !m.complete(&s.Session, seen) {
		return Session{}, nil, fmt.Errorf("%w: events were dropped", ErrNotRecoverable)
	}
	var missed []Broadcast
	first, _ := slices.BinarySearchFunc(m.events, seen+1, func(e event, n uint64) int { return cmp.Compare(e.number, n) })
	for i := range m.events[first:] {
		e := &m.events[first+i]
		behind := func(offset string) bool {
			n, err := m.number(offset)
			return err == nil && e.number > n
		}
		if s.Receives(&e.Broadcast, behind) {
			missed = append(missed, e.Broadcast)
		}
	}
	s.until = time.Time{}
	return s.Session, missed, nil
}

// complete needs m.mu. It reports whether no event behind a number was dropped
// that may have been for the session.
func (m *memory) complete(s *Session, seen uint64) bool {
	dropped := func(room string) uint64 {
		if n, ok := m.lost[room]; ok {
			return n
		}
		return m.floor
	}
	if dropped("") > seen || dropped(s.SID) > seen {
		return false
	}
	return !slices.ContainsFunc(s.Stays, func(stay Stay) bool {
		since, err := m.number(stay.Since)
		if err != nil {
			return true
		}
		until := uint64(math.MaxUint64)
		if stay.Until != "" {
			if until, err = m.number(stay.Until); err != nil {
				return true
			}
		}
		since = max(since, seen)
		return since < until && dropped(stay.Room) > since
	})
}

// Save implements Journal.
func (m *memory) Save(s Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(time.Now())
	m.sessions[s.PID] = &held{Session: s}
}

// Release implements Journal.
func (m *memory) Release(pid string) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(now)
	if s := m.sessions[pid]; s != nil {
		s.Moved = nil // nobody else takes it over, and the socket can be collected
		s.until = now.Add(m.window)
		m.away = append(m.away, absence{pid, s.until})
	}
}

// Forget implements Journal.
func (m *memory) Forget(pid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, pid)
}

// expire needs m.mu. It forgets the sessions whose clients stay away.
func (m *memory) expire(now time.Time) {
	for len(m.away) > 0 && (len(m.away) > maxReleased || !now.Before(m.away[0].until)) {
		gone := m.away[0]
		m.away = m.away[1:]
		if s := m.sessions[gone.pid]; s != nil && s.until.Equal(gone.until) {
			delete(m.sessions, gone.pid)
		}
	}
}
