package cluster

import (
	"context"
	"time"

	"github.com/vegascore/vegascore/shared/broadcast"
)

const (
	clerkEvery = 100 * time.Millisecond
	beatEvery  = time.Second
	originLife = 3600 // beats for which a silent origin is remembered
)

// clerk asks for what was missed as long as Redis did not answer, compares the position
// with the log every second, and keeps the sessions. It ends with ctx, after it has
// tried once more to write sessions.
func (j *journal) clerk(ctx context.Context) {
	tick := time.NewTicker(clerkEvery)
	defer tick.Stop()
	var retry, beat time.Time // when to do it next
	var pause backoff
	var last broadcast.Head // of the beat before
	for {
		select {
		case <-ctx.Done():
			_ = j.sessions.flush(context.WithoutCancel(ctx), j)
			return
		case <-j.sessions.wake:
		case <-tick.C:
		}
		now := time.Now()
		if !j.isHoled() {
			pause.failures = 0
		} else if now.After(retry) {
			j.fill()
			pause.failures++
			retry = time.Now().Add(pause.next())
		}
		if now.After(beat) {
			last = j.beat(ctx, last)
			beat = now.Add(beatEvery)
		}
		j.sessions.renew(now)
		if err := j.sessions.flush(ctx, j); err != nil && !sleep(ctx, lastPause) {
			continue // to the end
		}
	}
}

func (j *journal) isHoled() bool {
	j.deliver.Lock()
	defer j.deliver.Unlock()
	return j.holed
}

// beat compares the position with the log. What the log had at the last beat and has not
// come is a hole that nothing newer shows; another epoch that no message has brought is
// one, too.
func (j *journal) beat(ctx context.Context, last broadcast.Head) broadcast.Head {
	j.deliver.Lock()
	known := j.head
	j.deliver.Unlock()
	head, err := j.room.Head(ctx, known)
	if err != nil {
		return broadcast.Head{}
	}
	j.deliver.Lock()
	j.beats++
	late := last.Epoch == head.Epoch && (j.head.Epoch != head.Epoch || j.head.Number < last.Number)
	if !late && j.head.Epoch == head.Epoch {
		j.contact = time.Now()
	}
	if len(j.heard) > 1000 {
		for name, o := range j.heard {
			if name != j.own.origin && j.beats-o.beat > originLife {
				delete(j.heard, name)
			}
		}
	}
	handled, position := j.heard[j.own.origin].count, j.head
	j.deliver.Unlock()
	if late || position.Epoch == "" {
		j.fill()
	}
	j.own.forget(handled, position, head.Epoch)
	return head
}
