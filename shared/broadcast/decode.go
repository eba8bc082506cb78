package broadcast

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// AppendJSON appends the first MessagePack value in msgpack to dst as JSON text and
// returns what follows it as rest. Key order is kept. Byte arrays become placeholders
// {"_placeholder":true,"num":i}, and attachments[i] is the array itself: it points into
// msgpack.
//
// A timestamp becomes its ISO 8601 text with milliseconds; NaN and the infinities become
// null, as in JavaScript. No character is escaped that JSON does not require. Other
// extensions and keys that are no scalar are an error, and so is a byte array next to an
// object that looks like a placeholder: no reader could tell them apart. On an error dst
// is returned as it was.
func AppendJSON(dst, msgpack []byte) (json []byte, attachments [][]byte, rest []byte, err error) {
	d := decoder{in: msgpack, out: dst}
	err = d.value()
	if err == nil && d.marked && len(d.bins) > 0 {
		err = ErrPlaceholder
	}
	if err != nil {
		return dst, nil, msgpack, fmt.Errorf("transcode MessagePack at byte %d: %w", len(msgpack)-len(d.in), err)
	}
	return d.out, d.bins, d.in, nil
}

// decoder is one pass over a MessagePack value.
type decoder struct {
	in     []byte // what is left
	out    []byte
	bins   [][]byte
	marked bool // an object of the sender's looks like a placeholder
	depth  int
}

func (d *decoder) value() (err error) {
	if len(d.in) == 0 {
		return ErrSyntax
	}
	switch c := d.in[0]; {
	case c < 0x80 || c >= 0xcc && c <= 0xcf:
		var u uint64
		u, d.in, err = msgp.ReadUint64Bytes(d.in)
		d.out = strconv.AppendUint(d.out, u, 10)
	case c >= 0xe0 || c >= 0xd0 && c <= 0xd3:
		var i int64
		i, d.in, err = msgp.ReadInt64Bytes(d.in)
		d.out = strconv.AppendInt(d.out, i, 10)
	case c < 0x90 || c == 0xde || c == 0xdf:
		return d.object()
	case c < 0xa0 || c == 0xdc || c == 0xdd:
		return d.array()
	case c < 0xc0 || c >= 0xd9 && c <= 0xdb:
		var s []byte
		s, d.in, err = msgp.ReadStringZC(d.in)
		d.out = appendQuoted(d.out, s)
	case c == 0xc0:
		d.word("null")
	case c == 0xc2:
		d.word("false")
	case c == 0xc3:
		d.word("true")
	case c <= 0xc1:
		return ErrSyntax
	case c <= 0xc6:
		return d.bin()
	case c == 0xca:
		var f float32
		f, d.in, err = msgp.ReadFloat32Bytes(d.in)
		d.out = appendFloat(d.out, float64(f))
	case c == 0xcb:
		var f float64
		f, d.in, err = msgp.ReadFloat64Bytes(d.in)
		d.out = appendFloat(d.out, f)
	default:
		return d.extension()
	}
	return err
}

func (d *decoder) word(s string) {
	d.in = d.in[1:]
	d.out = append(d.out, s...)
}

func (d *decoder) array() error {
	count, rest, err := msgp.ReadArrayHeaderBytes(d.in)
	if err != nil {
		return err
	}
	if err := d.enter(rest, uint64(count)); err != nil {
		return err
	}
	d.out = append(d.out, '[')
	for i := range count {
		if i > 0 {
			d.out = append(d.out, ',')
		}
		if err := d.value(); err != nil {
			return err
		}
	}
	d.out = append(d.out, ']')
	d.depth--
	return nil
}

func (d *decoder) object() error {
	count, rest, err := msgp.ReadMapHeaderBytes(d.in)
	if err != nil {
		return err
	}
	if err := d.enter(rest, 2*uint64(count)); err != nil {
		return err
	}
	d.out = append(d.out, '{')
	for i := range count {
		if i > 0 {
			d.out = append(d.out, ',')
		}
		member := len(d.out)
		if err := d.key(); err != nil {
			return err
		}
		d.out = append(d.out, ':')
		if err := d.value(); err != nil {
			return err
		}
		d.marked = d.marked || string(d.out[member:]) == `"_placeholder":true`
	}
	d.out = append(d.out, '}')
	d.depth--
	return nil
}

// enter goes one level deeper. Every element takes at least one byte, so a count that
// the rest cannot hold is refused before any work.
func (d *decoder) enter(rest []byte, elements uint64) error {
	if elements > uint64(len(rest)) {
		return ErrSyntax
	}
	if d.depth++; d.depth > MaxDepth {
		return ErrDepth
	}
	d.in = rest
	return nil
}

// key writes a map key. A key that is not text is put in quotes, as JavaScript does.
func (d *decoder) key() error {
	if len(d.in) == 0 {
		return ErrSyntax
	}
	switch c := d.in[0]; {
	case c >= 0xa0 && c < 0xc0 || c >= 0xd9 && c <= 0xdb: // text
		return d.value()
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3, c >= 0xca && c <= 0xd3:
		d.out = append(d.out, '"')
		if err := d.value(); err != nil {
			return err
		}
		d.out = append(d.out, '"')
		return nil
	}
	return ErrSyntax
}

func (d *decoder) bin() error {
	b, rest, err := msgp.ReadBytesZC(d.in)
	if err != nil {
		return err
	}
	d.in = rest
	d.out = append(d.out, `{"_placeholder":true,"num":`...)
	d.out = strconv.AppendInt(d.out, int64(len(d.bins)), 10)
	d.out = append(d.out, '}')
	d.bins = append(d.bins, b[:len(b):len(b)])
	return nil
}

// extension reads a timestamp (type -1, three sizes), or what old JavaScript encoders
// wrote with type 0: undefined in one byte, a Date as milliseconds in eight.
func (d *decoder) extension() error {
	var head, size int
	switch c := d.in[0]; c {
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		head, size = 2, 1<<(c-0xd4)
	case 0xc7:
		if len(d.in) < 2 {
			return ErrSyntax
		}
		head, size = 3, int(d.in[1])
	default:
		return ErrSyntax
	}
	if len(d.in) < head+size {
		return ErrSyntax
	}
	kind, data := int8(d.in[head-1]), d.in[head:head+size]
	d.in = d.in[head+size:]
	if kind == 0 && size == 1 {
		d.out = append(d.out, "null"...)
		return nil
	}
	if kind == 0 && size == 8 {
		millis := int64(binary.BigEndian.Uint64(data))
		part := (millis%1000 + 1000) % 1000
		d.out = appendDate(d.out, (millis-part)/1000, part*1_000_000)
		return nil
	}
	if kind != -1 {
		return ErrSyntax
	}
	var seconds, nanos int64
	switch size {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(data))
	case 8:
		word := binary.BigEndian.Uint64(data)
		seconds, nanos = int64(word&(1<<34-1)), int64(word>>34)
	case 12:
		seconds, nanos = int64(binary.BigEndian.Uint64(data[4:])), int64(binary.BigEndian.Uint32(data))
	default:
		return ErrSyntax
	}
	d.out = appendDate(d.out, seconds, nanos)
	return nil
}

// appendDate writes what JSON.stringify writes for a Date: null outside its range of
// 100 million days around 1970.
func appendDate(dst []byte, seconds, nanos int64) []byte {
	const limit = 8.64e12 // seconds
	millis := seconds*1000 + nanos/1_000_000
	if nanos >= 1e9 || seconds < -limit || seconds > limit || millis > limit*1000 {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(millis).UTC()
	dst = append(dst, '"')
	switch year := t.Year(); {
	case year < 0:
		dst = fmt.Appendf(dst, "-%06d", -year)
	case year > 9999:
		dst = fmt.Appendf(dst, "+%06d", year)
	default:
		dst = fmt.Appendf(dst, "%04d", year)
	}
	dst = t.AppendFormat(dst, "-01-02T15:04:05.000Z")
	return append(dst, '"')
}

// appendFloat writes the shortest text that reads back as f, in JavaScript's notation.
func appendFloat(dst []byte, f float64) []byte {
	switch magnitude := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0: // JSON.stringify(-0) is 0
		return append(dst, '0')
	case magnitude >= 1e-6 && magnitude < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is e-7
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst
}
