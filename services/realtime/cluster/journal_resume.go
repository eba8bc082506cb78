package cluster

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"math"
	"slices"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// missedLimit is how many events of one room a client may have missed.
const missedLimit = 10_000

// comeback is a client that goes on.
type comeback struct {
	session
	at    offset            // what it has seen
	after map[string]uint64 // from where on to look, in each of its rooms; "" is that of all
}

// Resume implements socketio.Journal. What is near is taken out of memory: a thousand
// clients who come back at once cost Redis two small commands each.
func (j *journal) Resume(ctx context.Context, pid, owner, text string, resume func(socketio.Resumed)) error {
	found, err := j.find(ctx, pid)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(owner), []byte(found.Owner)) != 1 {
		return fmt.Errorf("resume: session is another's: %w", socketio.ErrNotRecoverable)
	}
	c, err := j.comesBack(found, text)
	if err != nil {
		return err
	}
	if err := j.claim(ctx, found); err != nil {
		return err
	}
	if err := j.resume(ctx, c, resume); err != nil {
		j.Release(pid) // until the client tries again, or its time is over
		return err
	}
	return nil
}

// comesBack checks what the client says.
func (j *journal) comesBack(s session, text string) (*comeback, error) {
	since, began := parseOffset(s.Since)
	at, ok := since, began
	if text != "" {
		at, ok = parseOffset(text)
	}
	if ok && began && at != since {
		// It has seen nothing of this session yet, and says where it was before.
		j.deliver.Lock()
		if at.epoch == since.epoch && at.number < since.number || at.epoch != since.epoch && slices.Contains(j.past, at.epoch) {
			at = since
		}
		j.deliver.Unlock()
	}
	if !ok {
		return nil, fmt.Errorf("resume: offset is nowhere: %w", socketio.ErrNotRecoverable)
	}
	c := &comeback{session: s, at: at, after: map[string]uint64{"": at.number, s.SID: at.number}}
	for _, stay := range s.Stays {
		from := at.number
		if since, ok := parseOffset(stay.Since); ok && since.epoch == at.epoch {
			from = max(from, since.number)
		}
		if before, ok := c.after[stay.Room]; ok {
			from = min(from, before)
		}
		c.after[stay.Room] = from
	}
	return c, nil
}

// resume brings the client to this container's position.
func (j *journal) resume(ctx context.Context, c *comeback, resume func(socketio.Resumed)) error {
	if done, err := j.near(c, resume); done || err != nil {
		return err
	}
	if c.at.origin != "" && c.at.origin != j.own.origin {
		// What it saw before the log had it must be there now, or it would come again.
		count, err := j.room.Count(ctx, c.at.epoch, c.at.origin)
		if err == nil && count < c.at.count {
			err = fmt.Errorf("resume: events are not in the log yet: %w", socketio.ErrNotRecoverable)
		}
		if err != nil {
			return err
		}
	}
	for {
		base, missed, err := j.missed(ctx, c)
		if err != nil {
			return err
		}
		if done, err := j.join(ctx, c, base, missed, resume); done || err != nil {
			return err
		}
	}
}

// near resumes out of memory, if everything is there.
func (j *journal) near(c *comeback, resume func(socketio.Resumed)) (done bool, err error) {
	j.deliver.Lock()
	defer j.deliver.Unlock()
	switch {
	case c.at.epoch != j.head.Epoch || c.at.number > j.head.Number || !j.ring.covers(c.at.number):
		return false, nil
	case c.at.origin != "" && c.at.origin != j.own.origin && j.heard[c.at.origin].count < c.at.count:
		return false, nil
	}
	return true, j.finish(c, c.at.number, nil, resume)
}

// missed reads from the log what the client missed up to a number.
func (j *journal) missed(ctx context.Context, c *comeback) (base uint64, missed []*ringed, err error) {
	ranges := make([]broadcast.Range, 0, len(c.after))
	for room, after := range c.after {
		ranges = append(ranges, broadcast.Range{Room: room, After: after})
	}
	head, parts, err := j.room.Read(ctx, broadcast.Head{Epoch: c.at.epoch}, 0, missedLimit, ranges...)
	switch {
	case err != nil:
		return 0, nil, err
	case head.Epoch != c.at.epoch || c.at.number > head.Number:
		return 0, nil, fmt.Errorf("resume: offset is of another log: %w", socketio.ErrNotRecoverable)
	}
	seen := map[uint64]bool{}
	for _, part := range parts {
		if !part.Complete {
			return 0, nil, fmt.Errorf("resume: the log has not all of it any more: %w", socketio.ErrNotRecoverable)
		}
		for _, m := range part.Messages {
			if !seen[m.Number] {
				seen[m.Number] = true
				missed = append(missed, &ringed{Tail: m.Tail, message: m.Message})
			}
		}
	}
	slices.SortFunc(missed, func(a, b *ringed) int { return cmp.Compare(a.Number, b.Number) })
	return head.Number, missed, nil
}

// join waits until this container is where the log was, and resumes. done is false when
// it is too far by then.
func (j *journal) join(ctx context.Context, c *comeback, base uint64, missed []*ringed, resume func(socketio.Resumed)) (done bool, err error) {
	stop := context.AfterFunc(ctx, func() { // runs at most once, and at once
		j.deliver.Lock()
		defer j.deliver.Unlock()
		j.advanced.Broadcast()
	})
	defer stop()
	j.deliver.Lock()
	defer j.deliver.Unlock()
	for j.head.Epoch != c.at.epoch && !slices.Contains(j.past, c.at.epoch) || j.head.Epoch == c.at.epoch && j.head.Number < base {
		if ctx.Err() != nil {
			return false, fmt.Errorf("resume: wait for the position %d: %w", base, context.Cause(ctx))
		}
		j.advanced.Wait()
	}
	switch {
	case j.head.Epoch != c.at.epoch:
		return false, fmt.Errorf("resume: the log was lost: %w", socketio.ErrNotRecoverable)
	case !j.ring.covers(base):
		return false, nil
	}
	return true, j.finish(c, base, missed, resume)
}

// finish adds what came since base and lets the client go on. deliver is held.
func (j *journal) finish(c *comeback, base uint64, missed []*ringed, resume func(socketio.Resumed)) error {
	missed = append(missed, j.ringSince(c, base)...)
	missed = append(missed, j.unlogged()...)
	known := uint64(0) // up to which number there is something that the client saw before the log had it
	if c.at.origin == j.own.origin && c.at.count > j.looped {
		known = math.MaxUint64
	}
	for _, e := range missed {
		if c.at.knows(e.Origin, e.Count) {
			known = max(known, e.Number)
		}
	}
	r := socketio.Resumed{Session: c.Session}
	for _, e := range missed {
		owed, err := c.owed(e, j.codec)
		if err != nil {
			return err
		}
		if !owed {
			continue
		}
		b, place := *e.decoded, offset{epoch: j.head.Epoch, number: e.Number}
		if e.Epoch == "" { // not in the log
			place.number, place.origin, place.count = j.head.Number, e.Origin, e.Count
		} else if e.Number < known {
			place.origin, place.count = c.at.origin, c.at.count
		}
		b.Offset = place.String()
		r.Missed = append(r.Missed, b)
	}
	r.Offset = j.offset().String()
	resume(r)
	return nil
}

// ringSince returns what the rooms of a client got after a number. deliver is held.
func (j *journal) ringSince(c *comeback, base uint64) (entries []*ringed) {
	var numbers []uint64
	for room := range c.after {
		all := j.ring.rooms[room]
		at, _ := slices.BinarySearch(all, base+1)
		numbers = append(numbers, all[at:]...)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		entries = append(entries, j.ring.at(number))
	}
	return entries
}

// unlogged returns what players here have seen and the log has not brought back. deliver
// is held.
func (j *journal) unlogged() (entries []*ringed) {
	for _, m := range j.own.pending(j.looped) {
		if m.entry.Count > j.own.ahead || m.b == nil || m.passed(j.head) {
			continue
		}
		e := &ringed{decoded: m.b}
		e.Number, e.Origin, e.Count = math.MaxUint64, j.own.origin, m.entry.Count
		entries = append(entries, e)
	}
	return entries
}

// owed says whether a message is for the client, and new to it. What was written again
// into a new log it may have seen: nobody knows.
func (c *comeback) owed(e *ringed, codec codec) (bool, error) {
	if c.at.knows(e.Origin, e.Count) || !e.decode(codec) {
		return false, nil
	}
	behind := func(text string) bool {
		o, ok := parseOffset(text)
		return !ok || o.epoch != c.at.epoch || e.Number > o.number && !o.knows(e.Origin, e.Count)
	}
	if !c.Receives(e.decoded, behind) {
		return false, nil
	}
	if e.Again {
		return false, fmt.Errorf("resume: the log was lost meanwhile: %w", socketio.ErrNotRecoverable)
	}
	return true, nil
}
