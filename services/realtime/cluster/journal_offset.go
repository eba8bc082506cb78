package cluster

import (
	"strconv"
	"strings"
)

// nowhere is the offset of somebody who has not seen the log yet.
const nowhere = "-0"

// offset is a place in the log of a namespace: everything up to number. While Redis is
// away a container shows its players its own events before they are in the log; then
// the place is also everything of that origin up to count, wherever it will be.
type offset struct {
	epoch  string
	number uint64
	origin string // empty when there is nothing ahead of the log
	count  uint64
}

// String is what a client keeps: epoch-number, or epoch-number~origin~count, in base 36.
func (o offset) String() string {
	b := make([]byte, 0, 48)
	b = append(append(b, o.epoch...), '-')
	b = strconv.AppendUint(b, o.number, 36)
	if o.origin != "" {
		b = append(append(append(b, '~'), o.origin...), '~')
		b = strconv.AppendUint(b, o.count, 36)
	}
	return string(b)
}

// parseOffset reads what a client sent: anything. ok is false for what nobody can go
// on from.
func parseOffset(text string) (o offset, ok bool) {
	place, ahead, isAhead := strings.Cut(text, "~")
	epoch, number, found := strings.Cut(place, "-")
	if !found || epoch == "" || len(text) > 64 {
		return offset{}, false
	}
	var err error
	o.epoch = epoch
	if o.number, err = strconv.ParseUint(number, 36, 53); err != nil {
		return offset{}, false
	}
	if isAhead {
		var count string
		o.origin, count, _ = strings.Cut(ahead, "~")
		if o.count, err = strconv.ParseUint(count, 36, 53); err != nil || o.origin == "" {
			return offset{}, false
		}
	}
	return o, o.String() == text
}

// knows says that a message of the origin was seen before it was in the log.
func (o offset) knows(origin string, count uint64) bool {
	return o.origin == origin && count <= o.count
}
