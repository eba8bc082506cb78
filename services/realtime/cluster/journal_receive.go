package cluster

import (
	"slices"

	"github.com/vegascore/vegascore/shared/broadcast"
)

// receive takes a message that came by itself, in the order of the log; room is that
// of its channel, or "". It is called by one goroutine, which handles nothing else
// while a hole is filled.
func (j *journal) receive(room string, tail broadcast.Tail, text string) {
	j.deliver.Lock()
	fill := j.take(ringed{Tail: tail, room: room, message: text})
	j.deliver.Unlock()
	if fill {
		j.fill()
	}
}

// take handles a message, and says whether the log has to be asked first: then it is
// there, too. deliver is held.
func (j *journal) take(e ringed) (fill bool) {
	switch head := &j.head; {
	case head.Epoch == "": // Redis did not answer yet
		j.seen = max(j.seen, e.Number)
		return !j.holed
	case e.Epoch != head.Epoch:
		return !j.holed && !slices.Contains(j.past, e.Epoch)
	case e.Number <= j.floor: // the fill had it
		return false
	case e.Number != head.Number+1 || j.holed:
		j.seen = max(j.seen, e.Number)
		return !j.holed // who fills goes on trying
	}
	j.handle(&e, true)
	j.ring.push(e)
	j.advance(e.Number)
	return false
}

// advance moves the position. deliver is held.
func (j *journal) advance(number uint64) {
	j.head.Number = number
	j.moved()
}

// handle delivers a message unless it was, under the same count: before the log had it,
// or out of a log that is lost. deliver is held.
func (j *journal) handle(e *ringed, live bool) {
	own := e.Origin == j.own.origin
	if own {
		j.looped = e.Count
		if b := j.own.returned(e.Count, live); b != nil {
			e.decoded = b
		}
	}
	if e.Count <= j.heard[e.Origin].count {
		return
	}
	j.note(e.Origin, e.Count)
	if e.Again && !j.turned { // from before this container's time
		return
	}
	if e.room != "" && !j.ns.HasRoom(e.room) || !e.decode(j.codec) {
		return
	}
	b := *e.decoded
	to := j.offset()
	to.number = e.Number
	b.Offset = to.String()
	if !own {
		j.received.Add(1)
	}
	j.ns.Deliver(b)
}

// decode makes sure of e.decoded, and says whether the message can be read.
func (e *ringed) decode(c codec) bool {
	if e.decoded == nil {
		b, err := c.decode([]byte(e.message))
		if err != nil {
			return false
		}
		e.decoded = &b
	}
	return true
}
