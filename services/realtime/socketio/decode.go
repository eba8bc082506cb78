package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// reserved names mean something to clients and servers themselves, so they are
// no event names (RESERVED_EVENTS of socket.io-parser).
var reserved = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

var (
	errNoAttachments = errors.New("illegal number of attachments")
	errPayload       = errors.New("illegal payload")
	errEventName     = errors.New("illegal event name")
	errText          = errors.New("text before all attachments arrived")
	errBinary        = errors.New("binary message that belongs to no packet")
)

// Decode reads the text of a packet and returns how many binary messages must
// follow it as attachments. It refuses what socket.io-parser refuses. An
// acknowledgement id beyond 64 bits is dropped: no such ack was asked for, and
// none can be given. The packet keeps parts of text.
func Decode(text []byte) (p Packet, attachments int, err error) {
	if !utf8.Valid(text) {
		return Packet{}, 0, errUTF8
	}
	if len(text) == 0 || text[0] < '0' || text[0] > '0'+byte(binaryAck) {
		return Packet{}, 0, errPacketType
	}
	p.Type = PacketType(text[0] - '0')
	rest := text[1:]
	if p.Type >= binaryEvent {
		p.Type -= toBinary
		if attachments, rest, err = cutAttachments(rest); err != nil {
			return Packet{}, 0, err
		}
	}
	p.Namespace, rest = cutNamespace(rest)
	p.ID, rest = cutID(rest)
	if p.Data, err = payload(p.Type, rest, attachments); err != nil {
		return Packet{}, 0, err
	}
	return p, attachments, nil
}

// cutAttachments reads "<n>-".
func cutAttachments(text []byte) (n int, rest []byte, err error) {
	digits, rest, found := bytes.Cut(text, []byte{attachedMark})
	if !found || len(digits) > 3 {
		return 0, nil, errNoAttachments
	}
	n64, err := strconv.ParseUint(string(digits), 10, 16)
	if err != nil || n64 < 1 {
		return 0, nil, errNoAttachments
	}
	if n64 > MaxAttachments {
		return 0, nil, errAttachments
	}
	return int(n64), rest, nil
}

// cutNamespace reads "/name,"; the comma may be missing at the end.
func cutNamespace(text []byte) (name string, rest []byte) {
	if len(text) == 0 || text[0] != '/' {
		return rootName, text
	}
	head, rest, _ := bytes.Cut(text, []byte{','})
	return string(head), rest
}

// cutID reads the digits of an acknowledgement id.
func cutID(text []byte) (id *uint64, rest []byte) {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n == 0 {
		return nil, text
	}
	if v, err := strconv.ParseUint(string(text[:n]), 10, 64); err == nil {
		id = &v
	}
	return id, text[n:]
}

// payload checks that data is what a packet of this type carries.
func payload(kind PacketType, data []byte, attachments int) (json.RawMessage, error) {
	if len(data) == 0 {
		if kind == EventPacket || kind == AckPacket {
			return nil, errPayload
		}
		return nil, nil
	}
	if !json.Valid(data) {
		return nil, errPayload
	}
	data = bytes.TrimSpace(data)
	first := data[0]
	switch {
	case kind == ConnectPacket && first == '{':
	case kind == ConnectErrorPacket && (first == '{' || first == '"'):
	case kind == AckPacket && first == '[':
	case kind == EventPacket && first == '[':
		if _, err := eventName(data); err != nil {
			return nil, err
		}
	default: // a disconnect carries nothing
		return nil, errPayload
	}
	if attachments > 0 && !placeholdersFit(data, attachments) {
		return nil, errPayload
	}
	return data, nil
}

// eventName returns the first element of a valid JSON array, which names the
// event. A number is a name, too.
func eventName(array []byte) (string, error) {
	from := skipSpace(array, 1)
	first := array[from:valueEnd(array, from)]
	if len(first) == 0 {
		return "", errEventName
	}
	switch c := first[0]; {
	case c == '-' || '0' <= c && c <= '9':
		return string(first), nil
	case c != '"' || len(first) < 2:
		return "", errEventName
	}
	name := string(first[1 : len(first)-1])
	if bytes.IndexByte(first, '\\') >= 0 {
		if err := json.Unmarshal(first, &name); err != nil {
			return "", errEventName
		}
	}
	if slices.Contains(reserved, name) {
		return "", errEventName
	}
	return name, nil
}

// placeholdersFit reports whether every placeholder in valid JSON points at one
// of n attachments, and there are no more of them: a client that names a large
// attachment many times would have the server write it out as often.
func placeholdersFit(data []byte, n int) bool {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return false
	}
	named, fit := placeholders(value, n)
	return fit && named <= n
}

// placeholders counts those in a value; fit says that all point at attachments.
func placeholders(value any, n int) (named int, fit bool) {
	switch value := value.(type) {
	case []any:
		for _, inner := range value {
			more, fit := placeholders(inner, n)
			if named += more; !fit {
				return named, false
			}
		}
	case map[string]any:
		if value["_placeholder"] == true {
			num, ok := value["num"].(float64)
			return 1, ok && num >= 0 && num < float64(n) && num == math.Trunc(num)
		}
		for _, inner := range value {
			more, fit := placeholders(inner, n)
			if named += more; !fit {
				return named, false
			}
		}
	}
	return named, true
}

// assembler puts packets and their attachments together. The zero value is
// ready; it is not safe for concurrent use.
type assembler struct {
	packet  *Packet // waits for attachments; nil when none does
	missing int
}

// Add takes the next message and returns a packet when it completes one. After
// an error the stream cannot be understood any more.
func (a *assembler) Add(data []byte, binary bool) (*Packet, error) {
	switch {
	case binary && a.packet == nil:
		return nil, errBinary
	case binary:
		a.packet.Attachments = append(a.packet.Attachments, data)
		a.missing--
	case a.packet != nil:
		return nil, errText
	default:
		p, n, err := Decode(data)
		if err != nil {
			return nil, err
		}
		a.packet, a.missing = &p, n
	}
	if a.missing > 0 {
		return nil, nil
	}
	whole := a.packet
	a.packet = nil
	return whole, nil
}
