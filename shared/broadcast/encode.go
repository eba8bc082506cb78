package broadcast

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// MaxDepth is the deepest nesting of arrays and objects that the transcoder follows,
// in both directions.
const MaxDepth = 100

// MaxNamed is how many attachments a packet of Socket.IO may have: a reader takes each
// that was written for one of its own.
const MaxNamed = 10

// Errors of the transcoder. They are wrapped with the offset at which reading ended.
var (
	ErrDepth       = errors.New("nested too deeply")
	ErrSyntax      = errors.New("malformed")
	ErrPlaceholder = errors.New("placeholder names no attachment, or one too often")
)

// AppendMsgpack appends the one JSON value in json to dst as MessagePack. Key order is
// kept. When attachments are given, each object {"_placeholder":true,"num":i} becomes
// attachments[i]; without attachments such an object is an object like any other. An
// attachment may be named more than once, but all together no more often than MaxNamed
// when there are fewer: each time it is written out, and a text from a client that names
// a large one in every other word would become gigabytes.
//
// Broken UTF-8 and lone surrogates become U+FFFD. On an error dst is returned as it was.
func AppendMsgpack(dst, json []byte, attachments ...[]byte) ([]byte, error) {
	e := encoder{in: json, out: dst, bins: attachments}
	if err := e.document(); err != nil {
		return dst, fmt.Errorf("transcode JSON at byte %d: %w", e.at, err)
	}
	return e.out, nil
}

// encoder is one pass over a JSON text.
type encoder struct {
	in      []byte
	at      int // next byte of in
	out     []byte
	bins    [][]byte
	named   int // how often one of bins was
	depth   int
	scratch []byte // text of the last string that needed unescaping
}

func (e *encoder) document() error {
	if err := e.value(); err != nil {
		return err
	}
	if e.peek() != 0 || e.at != len(e.in) {
		return ErrSyntax
	}
	return nil
}

// peek skips white space and returns the next byte, or 0 at the end.
func (e *encoder) peek() byte {
	for e.at < len(e.in) {
		switch c := e.in[e.at]; c {
		case ' ', '\t', '\n', '\r':
			e.at++
		default:
			return c
		}
	}
	return 0
}

func (e *encoder) value() error {
	switch c := e.peek(); c {
	case '{':
		return e.nested(e.object)
	case '[':
		return e.nested(e.array)
	case '"':
		return e.text()
	case 't':
		return e.literal("true", 0xc3)
	case 'f':
		return e.literal("false", 0xc2)
	case 'n':
		return e.literal("null", 0xc0)
	default:
		return e.number()
	}
}

func (e *encoder) literal(word string, code byte) error {
	if !bytes.HasPrefix(e.in[e.at:], []byte(word)) {
		return ErrSyntax
	}
	e.at += len(word)
	e.out = append(e.out, code)
	return nil
}

// nested runs read one level deeper, past the opening bracket. The header needs a
// count that is known only at the end: one byte is kept free for it, and the rare
// container of more than 15 is moved up by the two or four bytes it needs.
func (e *encoder) nested(read func(start int) error) error {
	if e.depth++; e.depth > MaxDepth {
		return ErrDepth
	}
	e.at++
	start := len(e.out)
	e.out = append(e.out, 0)
	err := read(start)
	e.depth--
	return err
}

func (e *encoder) array(start int) error {
	for count := 0; ; count++ {
		more, err := e.more(']', count)
		if err != nil {
			return err
		}
		if !more {
			e.close(start, count, 0x90, 0xdc)
			return nil
		}
		if err := e.value(); err != nil {
			return err
		}
	}
}

func (e *encoder) object(start int) error {
	marked, num := false, -1
	for count := 0; ; count++ {
		more, err := e.more('}', count)
		switch {
		case err != nil:
			return err
		case more:
		case !marked:
			e.close(start, count, 0x80, 0xde)
			return nil
		case num < 0 || num >= len(e.bins) || e.named >= max(len(e.bins), MaxNamed):
			return ErrPlaceholder
		default:
			e.named++
			e.out = msgp.AppendBytes(e.out[:start], e.bins[num])
			return nil
		}
		member := len(e.out)
		if err := e.member(); err != nil {
			return err
		}
		if len(e.bins) == 0 {
			continue
		}
		switch pair := e.out[member:]; {
		case string(pair) == markTrue:
			marked = true
		case bytes.HasPrefix(pair, []byte(markNum)):
			num = index(pair[len(markNum):])
		}
	}
}

// The two members of a placeholder as they look once written.
const (
	markTrue = "\xac_placeholder\xc3"
	markNum  = "\xa3num"
)

// index reads a written number as an attachment's position, or -1.
func index(value []byte) int {
	n, rest, err := msgp.ReadUint64Bytes(value)
	if err != nil || len(rest) != 0 || n > 1<<20 {
		return -1
	}
	return int(n)
}

// member writes one key and its value.
func (e *encoder) member() error {
	if e.peek() != '"' {
		return ErrSyntax
	}
	if err := e.text(); err != nil {
		return err
	}
	if e.peek() != ':' {
		return ErrSyntax
	}
	e.at++
	return e.value()
}

// more says whether another element follows, and takes the comma or the closing
// bracket that decides it.
func (e *encoder) more(closing byte, count int) (bool, error) {
	switch c := e.peek(); {
	case c == closing:
		e.at++
		return false, nil
	case count == 0:
		return true, nil
	case c == ',':
		e.at++
		return true, nil
	}
	return false, ErrSyntax
}

// close puts the count into the header at start.
func (e *encoder) close(start, count int, fix, wide byte) {
	switch {
	case count < 16:
		e.out[start] = fix | byte(count)
	case count < 1<<16:
		e.out = slices.Insert(e.out, start+1, 0, 0)
		e.out[start] = wide
		binary.BigEndian.PutUint16(e.out[start+1:], uint16(count))
	default:
		e.out = slices.Insert(e.out, start+1, 0, 0, 0, 0)
		e.out[start] = wide + 1
		binary.BigEndian.PutUint32(e.out[start+1:], uint32(count))
	}
}

// text writes the string that starts at the quote.
func (e *encoder) text() error {
	e.at++
	start, ascii := e.at, true
	for ; e.at < len(e.in); e.at++ {
		switch c := e.in[e.at]; {
		case c == '"':
			s := e.in[start:e.at]
			e.at++
			if !ascii {
				s = valid(s)
			}
			e.out = msgp.AppendStringFromBytes(e.out, s)
			return nil
		case c == '\\':
			return e.escaped(start)
		case c < ' ':
			return ErrSyntax
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ErrSyntax
}
