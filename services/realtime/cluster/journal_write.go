package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/vegascore/vegascore/shared/broadcast"
)

// write brings this container's messages into the log, in order, until ctx ends; then
// it tries once more. What has no answer is sent again: the log knows the counts.
func (j *journal) write(ctx context.Context) {
	for j.awaitWork(ctx) {
		j.writeAll(ctx)
	}
	j.own.close()
	for more, err := true, error(nil); more && err == nil; {
		more, err = j.writeBatch(context.WithoutCancel(ctx), pipelineSize)
	}
}

// lessMessages are in a batch after one that failed.
const lessMessages = 32

func (j *journal) awaitWork(ctx context.Context) bool {
	select {
	case <-j.own.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeAll writes until nothing is left, or ctx ends while Redis is away.
func (j *journal) writeAll(ctx context.Context) {
	var failing time.Time
	for pause := (backoff{}); ; {
		limit := pipelineSize
		if !failing.IsZero() { // less may be what a slow Redis does in time
			limit = lessMessages
		}
		// A batch under way is not cut short by ctx.
		more, err := j.writeBatch(context.WithoutCancel(ctx), limit)
		if err == nil {
			if !failing.IsZero() {
				j.log.InfoContext(ctx, "room log is written again", "namespace", j.ns.Name(), "away_seconds", time.Since(failing).Seconds())
				failing, pause.failures = time.Time{}, 0
			}
			if !more {
				return
			}
			continue
		}
		if failing.IsZero() {
			failing = time.Now()
			j.log.WarnContext(ctx, "room log cannot be written", "namespace", j.ns.Name(), "error", err)
		}
		if pause.failures++; time.Since(failing) < time.Second {
			pause.failures = min(pause.failures, 2) // at most 100 ms
		}
		if !sleep(ctx, pause.next()) {
			return
		}
	}
}

// writeBatch writes what waits, up to a number of messages, and says whether there was anything.
func (j *journal) writeBatch(ctx context.Context, limit int) (more bool, err error) {
	entries, known := j.own.batch(j.known(), limit)
	if len(entries) == 0 {
		return false, nil
	}
	head, numbers, err := j.room.Append(ctx, j.own.origin, known, entries...)
	switch {
	case errors.Is(err, broadcast.ErrEpoch):
		j.own.refused(head)
		return true, nil
	case err != nil:
		return true, err
	}
	j.own.confirm(head, numbers)
	return true, nil
}

// known is the position, for the log to see whether it is older.
func (j *journal) known() broadcast.Head {
	j.place.Lock()
	defer j.place.Unlock()
	return broadcast.Head{Epoch: j.place.epoch, Number: j.place.number}
}

// batch returns the next messages to write, and what is known of the log.
func (o *own) batch(position broadcast.Head, limit int) (entries []broadcast.Entry, known broadcast.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next.Epoch != "" && o.head.Epoch != "" {
		o.rewind(o.next)
	}
	o.next = broadcast.Head{}
	size := 0
	for _, m := range o.list[o.written:] {
		if len(entries) == limit || size >= pipelineBytes {
			break
		}
		entries = append(entries, m.entry)
		size += len(m.entry.Payload)
	}
	switch o.head.Epoch {
	case "":
		return entries, position
	case position.Epoch:
		return entries, broadcast.Head{Epoch: o.head.Epoch, Number: max(o.head.Number, position.Number)}
	}
	return entries, o.head
}

// confirm notes that the next messages are in the log.
func (o *own) confirm(head broadcast.Head, numbers []uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for i, number := range numbers {
		m := o.list[o.written+i]
		m.at, m.epoch, m.number = now, head.Epoch, number
		o.waiting -= m.bytes
		o.kept += m.bytes
		if !m.entry.Again {
			o.logged++
		}
	}
	o.written += len(numbers)
	o.head = head
	o.idle.Broadcast()
}

// refused begins again with the log that there is.
func (o *own) refused(head broadcast.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rewind(head)
	o.head = head
}

// rewind has everything that is kept written into a new log. What is in it already is
// left out there, by its count. o.mu is held, by the writer, between two batches.
func (o *own) rewind(head broadcast.Head) {
	if o.head.Epoch == head.Epoch {
		return
	}
	for _, m := range o.list[:o.written] {
		m.entry.Again, m.epoch, m.number = true, "", 0
		o.waiting += m.bytes
		o.kept -= m.bytes
	}
	o.written, o.head = 0, head
}

// close refuses what comes from now on.
func (o *own) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}
