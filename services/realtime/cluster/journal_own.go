package cluster

import (
	"sync"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

const (
	// ownTime is how long a message that is in the log is kept, to be written again when
	// Redis loses it: others may not have read it before. The time does not run while
	// Redis is away.
	ownTime  = 10 * time.Second
	ownBytes = 16 << 20
)

// own are the messages of this container: first those that are in the log, then those
// that are to be.
type own struct {
	origin string
	wake   chan struct{} // holds one token: there is something to write

	ahead uint64 // the latest one that was delivered before the log had it; guarded by journal.deliver

	mu      sync.Mutex
	idle    *sync.Cond    // something is written
	list    []*ownMessage // without a hole in their counts
	written int           // how many of the first are in the log
	count   uint64        // of the last
	waiting int           // bytes of those that are not written
	kept    int           // and of those that are
	alone   bool          // deliver here at once
	closed  bool
	head    broadcast.Head // of the log, as of the last answer to the writer
	next    broadcast.Head // of a log that was found meanwhile
	logged  uint64         // how many were written
	dropped uint64         // how many never will be
}

// ownMessage is one of them.
type ownMessage struct {
	entry  broadcast.Entry
	bytes  int
	b      *socketio.Broadcast // until it came back; guarded by journal.deliver
	at     time.Time           // when it was queued, then when it was written
	epoch  string              // of the log that has it
	number uint64              // there; 0 when the answer did not say
}

// passed says that the position of this container is past the message: it was for
// nobody here, or it is delivered.
func (m *ownMessage) passed(head broadcast.Head) bool {
	return m.number > 0 && m.epoch == head.Epoch && m.number <= head.Number
}

func (o *own) init() {
	o.origin, o.wake = broadcast.NewName(), make(chan struct{}, 1)
	o.idle = sync.NewCond(&o.mu)
}

// add queues a message, and says whether it is to be delivered here at once.
func (o *own) add(entry broadcast.Entry, b *socketio.Broadcast, limit int) (alone bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := &ownMessage{entry: entry, b: b, at: time.Now(), bytes: len(entry.Payload) + len(b.Packet.Data) + ringEntry}
	switch {
	case o.closed:
		o.dropped++
		return false, ErrClosed
	case o.waiting+m.bytes > limit:
		o.dropped++
		o.alone = true
		return false, ErrAlone
	}
	o.count++
	m.entry.Count = o.count
	o.list = append(o.list, m)
	o.waiting += m.bytes
	o.signal()
	return o.alone, nil
}

func (o *own) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // the token is there already
	}
}

// quiet says that nothing can be late.
func (o *own) quiet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.list) == 0
}

// after returns the messages above a count. o.mu is held.
func (o *own) after(count uint64) []*ownMessage {
	if len(o.list) == 0 {
		return nil
	}
	first := o.list[0].entry.Count
	return o.list[min(max(count+1, first)-first, uint64(len(o.list))):]
}

// late says that a message above the count handled here is older than it should be, or
// that there was one lately and nothing came back since. All that wait are to be
// delivered.
func (o *own) late(handled uint64, head broadcast.Head, hold time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.after(handled) {
		if !m.passed(head) {
			o.alone = o.alone || time.Since(m.at) > hold
			return o.alone
		}
	}
	return false
}

// pending returns the messages above the count handled here, as they are now.
// journal.deliver is held.
func (o *own) pending(handled uint64) []ownMessage {
	o.mu.Lock()
	defer o.mu.Unlock()
	var copies []ownMessage
	for _, m := range o.after(handled) {
		copies = append(copies, *m)
	}
	return copies
}

// returned takes the broadcast of a message that came back from the log; nil when it is
// not kept any more. live says that it came by itself: both ways work again.
func (o *own) returned(count uint64, live bool) (b *socketio.Broadcast) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if live {
		o.alone = false
	}
	if m := o.after(count - 1); len(m) > 0 && m[0].entry.Count == count {
		b, m[0].b = m[0].b, nil
	}
	return b
}

// forget drops what was handled here and is in the log for long enough. It is called
// when Redis has answered, with the epoch it has.
func (o *own) forget(handled uint64, position broadcast.Head, epoch string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.head.Epoch != epoch { // it has to be written again
		return
	}
	n := 0
	for ; n < o.written; n++ {
		m := o.list[n]
		if m.entry.Count > handled && !m.passed(position) || o.kept < ownBytes && time.Since(m.at) < ownTime {
			break
		}
		o.kept -= m.bytes
	}
	clear(o.list[:n])
	o.list, o.written = o.list[n:], o.written-n
}

// turn tells the writer that there is another log than that of its last answer.
func (o *own) turn(head broadcast.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = head
	o.signal()
}

// left counts what will never be written, once the writer has ended.
func (o *own) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.list) - o.written
	o.dropped += uint64(n)
	return n
}

// flush waits until everything is written, or the limit has passed.
func (o *own) flush(limit time.Duration) {
	deadline := time.Now().Add(limit)
	defer time.AfterFunc(limit, o.idle.Broadcast).Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.written < len(o.list) {
		if !time.Now().Before(deadline) {
			return
		}
		o.idle.Wait()
	}
}
