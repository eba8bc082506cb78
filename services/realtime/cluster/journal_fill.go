package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vegascore/vegascore/shared/broadcast"
)

const (
	fillStep  = 4096 // numbers that are read in one go
	fillRooms = 512  // rooms of one question
)

// fill brings this container to where the log is. When Redis does not answer nothing
// is delivered until it does: clerk tries again.
func (j *journal) fill() {
	j.filling.Lock()
	defer j.filling.Unlock()
	for more := true; more; {
		var err error
		if more, err = j.fillStep(j.life); err != nil {
			j.deliver.Lock()
			first := !j.holed
			j.holed = true
			j.deliver.Unlock()
			if first {
				j.log.Warn("events of other containers wait for the room log", "namespace", j.ns.Name(), "error", err)
			}
			return
		}
	}
}

// fillStep handles the next messages, and says whether there are more.
func (j *journal) fillStep(ctx context.Context) (more bool, err error) {
	j.deliver.Lock()
	known, newest := j.head, j.head
	newest.Number = max(newest.Number, j.seen) // a log without it is not the one it was
	j.deliver.Unlock()
	head, err := j.room.Head(ctx, newest)
	if err != nil {
		return false, err
	}
	if head.Epoch != known.Epoch {
		return j.turn(known, head), nil
	}
	until := min(head.Number, known.Number+fillStep)
	found, complete, err := j.collect(ctx, known, until)
	switch {
	case errors.Is(err, broadcast.ErrEpoch):
		return true, nil
	case err != nil:
		return false, err
	}
	return j.pour(head, until, found, complete), nil
}

// turn begins with another epoch, from its first message on, and says whether there
// may be any.
func (j *journal) turn(known, head broadcast.Head) (more bool) {
	j.deliver.Lock()
	if j.head.Epoch != known.Epoch {
		j.deliver.Unlock()
		return true
	}
	late := false
	if known.Epoch == "" {
		head.Number, late = j.beginning(head)
	} else {
		j.past = append(j.past, known.Epoch)
		j.past = j.past[max(0, len(j.past)-8):]
		j.turned = true
		head.Number = head.Start
	}
	j.head, j.floor, j.seen, j.holed = head, head.Number, 0, false
	j.contact = time.Now()
	j.ring.restart(head.Number)
	j.moved()
	j.deliver.Unlock()
	if known.Epoch != "" {
		j.log.Warn("room log was lost", "namespace", j.ns.Name(), "epoch", head.Epoch)
		j.epochs.Add(1)
		j.own.turn(head)
		j.sessions.saveAll()
	}
	if known.Epoch != "" || late {
		j.opts.onLoss()
	}
	return true
}

// beginning is where a container begins that has just reached Redis: where the log is,
// or with its first message when the log began while the container waited. late says
// that it waited so long that its players may have missed something. deliver is held.
func (j *journal) beginning(head broadcast.Head) (number uint64, late bool) {
	waited := time.Since(j.contact)
	switch {
	case head.Age <= waited:
		return head.Start, false
	case j.seen > head.Start && j.seen <= head.Number: // the first that it heard
		return j.seen - 1, waited > beatEvery
	}
	return head.Number, waited > beatEvery
}

// collect reads what was sent to the rooms that are here, up to a number that the log
// had before they were listed: a room that appears later is not owed any of it.
func (j *journal) collect(ctx context.Context, known broadcast.Head, until uint64) (found []broadcast.Logged, complete bool, err error) {
	complete = true
	if until == known.Number {
		return nil, true, nil
	}
	for rooms := range slices.Chunk(append(j.ns.Rooms(), ""), fillRooms) {
		ranges := make([]broadcast.Range, len(rooms))
		for i, room := range rooms {
			ranges[i] = broadcast.Range{Room: room, After: known.Number}
		}
		head, parts, err := j.room.Read(ctx, known, until, fillStep, ranges...)
		if err != nil {
			return nil, false, fmt.Errorf("fill a hole: %w", err)
		}
		if head.Epoch != known.Epoch {
			return nil, false, broadcast.ErrEpoch
		}
		for _, part := range parts {
			found = append(found, part.Messages...)
			complete = complete && part.Complete
		}
	}
	slices.SortFunc(found, func(a, b broadcast.Logged) int { return cmp.Compare(a.Number, b.Number) })
	found = slices.CompactFunc(found, func(a, b broadcast.Logged) bool { return a.Number == b.Number })
	return found, complete, nil
}

// pour handles what a hole held, up to a number, and says whether the log had more.
func (j *journal) pour(head broadcast.Head, until uint64, found []broadcast.Logged, complete bool) (more bool) {
	j.deliver.Lock()
	if j.head.Epoch != head.Epoch {
		j.deliver.Unlock()
		return true
	}
	before := j.head.Number
	// A room's part of the log ends some time after its last message.
	missed := until > before && (!complete || time.Since(j.contact) > broadcast.Keep)
	for _, m := range found {
		if m.Number > j.head.Number { // what came by itself meanwhile is handled
			j.handle(&ringed{Tail: m.Tail, message: m.Message}, false)
			j.advance(m.Number)
			j.filled.Add(1)
		}
	}
	if until > before {
		j.floor = until
		j.advance(until)
		j.ring.restart(until)
	}
	more = j.head.Number < max(head.Number, j.seen)
	if !more {
		j.contact = time.Now()
		if j.holed {
			j.holed = false
			j.log.Info("events of other containers are complete again", "namespace", j.ns.Name())
		}
	}
	j.deliver.Unlock()
	if missed {
		j.lost.Add(1)
		j.log.Error("events are lost: the room log has them no more", "namespace", j.ns.Name())
		j.opts.onLoss()
	}
	return more
}
