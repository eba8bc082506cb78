package broadcast

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	lanes = 8 // rooms are spread over; those of the outbox agree with them
	// memory is how long an emitter keeps what it has written, to write it again when
	// Redis loses it, and memoryBytes how much of it at most.
	memory      = 10 * time.Second
	memoryBytes = 2 << 20
	batchSize   = 512
	batchBytes  = 1 << 20
)

// lane is an origin of its own in the log: what goes through it is in one order, one
// batch after the other.
type lane struct {
	log    *Log
	origin string

	mu      sync.Mutex
	count   uint64 // of the last entry
	head    Head   // of the log, as of the last answer
	doubted []Entry
	written []written // by count
	bytes   int       // of written
}

// written is an entry that Redis has confirmed.
type written struct {
	entry Entry
	at    time.Time
}

// send appends entries and returns how many of the first are in the log for certain.
func (l *lane) send(ctx context.Context, entries []Entry) (sent int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for sent < len(entries) {
		n, size := 0, 0
		for n < len(entries)-sent && n < batchSize && size < batchBytes {
			size += len(entries[sent+n].Payload)
			n++
		}
		if err := l.batch(ctx, entries[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// batch writes one batch. What was sent before without an answer keeps its count: in a
// log that has it already it is left out, and where a lost one was heard it is known.
func (l *lane) batch(ctx context.Context, entries []Entry) error {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Count = l.doubt(entries[i].ID)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Count-1, b.Count-1) }) // 0 is last
	for i := range entries {
		if entries[i].Count == 0 {
			l.count++
			entries[i].Count = l.count
		}
	}
	l.doubted = slices.Clone(entries)
	if err := l.append(ctx, entries); err != nil {
		return err
	}
	l.doubted = nil
	l.remember(entries)
	return nil
}

// doubt is the count under which an event was sent when no answer came, or 0.
func (l *lane) doubt(id string) uint64 {
	if id != "" {
		for _, e := range l.doubted {
			if e.ID == id {
				return e.Count
			}
		}
	}
	return 0
}

// append writes entries, and before them what a lost log held.
func (l *lane) append(ctx context.Context, entries []Entry) error {
	for {
		head, _, err := l.log.Append(ctx, l.origin, l.head, entries...)
		if err == nil {
			l.head = head
		}
		if !errors.Is(err, ErrEpoch) {
			return err
		}
		if err := l.restore(ctx, head); err != nil {
			return err
		}
	}
}

// restore brings a new log to what the lost one held of this lane.
func (l *lane) restore(ctx context.Context, head Head) error {
	for rest := l.written; len(rest) > 0; {
		n := min(len(rest), batchSize)
		again := make([]Entry, n)
		for i, w := range rest[:n] {
			again[i] = w.entry
			again[i].Again = true
		}
		var err error
		if head, _, err = l.log.Append(ctx, l.origin, head, again...); err != nil {
			return err
		}
		rest = rest[n:]
	}
	l.head = head
	return nil
}

// keep writes again what a lost log held. Without Redis nothing is forgotten.
func (l *lane) keep(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.written) == 0 {
		return nil
	}
	head, err := l.log.Head(ctx, l.head)
	if err != nil {
		return err
	}
	if head.Epoch != l.head.Epoch {
		return l.restore(ctx, head)
	}
	l.forget()
	return nil
}

func (l *lane) remember(entries []Entry) {
	now := time.Now()
	for _, e := range entries {
		l.written = append(l.written, written{e, now})
		l.bytes += len(e.Payload)
	}
	l.forget()
}

// forget drops what is in the log for long enough.
func (l *lane) forget() {
	now, old := time.Now(), 0
	for old < len(l.written) && (l.bytes > memoryBytes || now.Sub(l.written[old].at) > memory) {
		l.bytes -= len(l.written[old].entry.Payload)
		old++
	}
	l.written = slices.Delete(l.written, 0, old)
}
