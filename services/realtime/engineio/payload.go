package engineio

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"
)

// separator stands between the packets of a polling payload.
const separator = 0x1e

var errPayloadText = errors.New("payload is not UTF-8")

// appendPayload appends the packets of websocket frames, as appendHeader and
// NewFrame make them, in the form that polling uses.
func appendPayload(dst, wire []byte) []byte {
	for len(wire) > 0 {
		n, header := uint64(wire[1]), 2
		switch n {
		case 126:
			n, header = uint64(binary.BigEndian.Uint16(wire[2:])), 4
		case 127:
			n, header = binary.BigEndian.Uint64(wire[2:]), 10
		}
		if len(dst) > 0 {
			dst = append(dst, separator)
		}
		data := wire[header : header+int(n)]
		if wire[0] == finText {
			dst = append(dst, data...)
		} else {
			dst = base64.StdEncoding.AppendEncode(append(dst, 'b'), data)
		}
		wire = wire[header+int(n):]
	}
	return dst
}

// payload is the body of a polling request in which every packet was found
// good. It is decoded as it is dealt with: a body may hold half a million
// packets, which would be twenty times its size as a list.
type payload []byte

// decodePayload looks through the body of a polling request.
func decodePayload(body []byte) (payload, error) {
	if !utf8.Valid(body) {
		return nil, errPayloadText
	}
	n := 0
	var scratch []byte
	for part := range bytes.SplitSeq(body, []byte{separator}) {
		p, err := decodePart(scratch[:0], part)
		if err != nil {
			return nil, fmt.Errorf("decode packet %d: %w", n, err)
		}
		if p.binary {
			scratch = p.data
		}
		n++
	}
	return body, nil
}

// packets are those of the payload, in order. Their data may be parts of it.
func (body payload) packets() iter.Seq[packet] {
	return func(yield func(packet) bool) {
		for part := range bytes.SplitSeq(body, []byte{separator}) {
			p, err := decodePart(nil, part)
			if err != nil || !yield(p) { // no error: decodePayload found none
				return
			}
		}
	}
}

// decodePart reads one packet. What was binary is appended to dst.
func decodePart(dst, part []byte) (packet, error) {
	if len(part) == 0 || part[0] != 'b' {
		return decodeText(part)
	}
	data, err := base64.StdEncoding.AppendDecode(dst, part[1:])
	if err != nil {
		return packet{}, err
	}
	return packet{kind: packetMessage, data: data, binary: true}, nil
}
