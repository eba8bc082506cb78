package broadcast

import "strings"

// Form is how a message carries its tail.
type Form int

// The forms in which servers of a cluster read messages.
const (
	// Array is the classic wire: a MessagePack array. The header of the payload counts
	// the tail, which follows as its last element. Node's servers pass it over.
	Array Form = iota
	// Object is the sharded wire's JSON: an object with at least one member, without its
	// closing brace. The tail follows as the member "log".
	Object
	// Map is the sharded wire's MessagePack: a map whose header counts the pair of "log"
	// and the tail that follows.
	Map
)

// tailSize is the length of a tail's text: version, flag, epoch, number, origin, count.
const tailSize = len(tailMark) + 1 + nameSize + numberSize + nameSize + countSize

const (
	tailMark   = "vl1"
	nameSize   = 8
	numberSize = 16 // digits: what a Lua number holds exactly
	countSize  = 12
)

// around is what stands before and after the text of a tail.
var around = map[Form][2]string{
	Array:  {"\xd9\x30", ""}, // a text of 48 bytes
	Object: {`,"log":"`, `"}`},
	Map:    {"\xa3log\xd9\x30", ""},
}

// Tail says which entry of which log a message is. All of one length, so that it is
// found without reading what comes before.
type Tail struct {
	Epoch  string // of the log; another one means that Redis lost its data
	Number uint64 // of the entry: they have no holes
	Origin string // who wrote it
	Count  uint64 // of the origin's messages, rising
	Again  bool   // it was in a log that is lost, and may be known
}

// ParseTail reads the tail of a message in any form. Most messages on a channel of
// Node's have none.
func ParseTail(message string) (Tail, bool) {
	form := Array
	switch {
	case strings.HasSuffix(message, around[Object][1]):
		form = Object
	case message == "" || message[0] != 0x94: // a text like a tail may end a Node emitter's array of 3
		form = Map
	}
	before, after := around[form][0], around[form][1]
	start := len(message) - tailSize - len(after)
	if start < len(before) || message[start-len(before):start] != before {
		return Tail{}, false
	}
	text := message[start : start+tailSize]
	rest, ok := strings.CutPrefix(text, tailMark)
	if !ok || rest[0] != '-' && rest[0] != 'r' {
		return Tail{}, false
	}
	t := Tail{Again: rest[0] == 'r'}
	rest = rest[1:]
	t.Epoch, rest = rest[:nameSize], rest[nameSize:]
	var fine, whole bool
	t.Number, fine = digits(rest[:numberSize])
	rest = rest[numberSize:]
	t.Origin = rest[:nameSize]
	t.Count, whole = digits(rest[nameSize:])
	if !fine || !whole || !isName(t.Epoch) || !isName(t.Origin) {
		return Tail{}, false
	}
	return t, true
}

// digits reads a number that fills its place.
func digits(text string) (n uint64, ok bool) {
	for i := range len(text) {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

func isName(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
