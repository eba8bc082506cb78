package engineio

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
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

// decodePayload reads the packets of a polling request's body. Their data may
// be parts of body.
func decodePayload(body []byte) ([]packet, error) {
	if !utf8.Valid(body) {
		return nil, errPayloadText
	}
	packets := make([]packet, 0, bytes.Count(body, []byte{separator})+1)
	for part := range bytes.SplitSeq(body, []byte{separator}) {
		p, err := decodePart(part)
		if err != nil {
			return nil, fmt.Errorf("decode packet %d: %w", len(packets), err)
		}
		packets = append(packets, p)
	}
	return packets, nil
}

func decodePart(part []byte) (packet, error) {
	if len(part) == 0 || part[0] != 'b' {
		return decodeText(part)
	}
	data, err := base64.StdEncoding.AppendDecode(nil, part[1:])
	if err != nil {
		return packet{}, err
	}
	return packet{kind: packetMessage, data: data, binary: true}, nil
}
