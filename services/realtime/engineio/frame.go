package engineio

import "encoding/binary"

// First header bytes of the frames that the server writes: FIN and the opcode
// (RFC 6455, 5.2).
const (
	finText   = 0x81
	finBinary = 0x82
	finClose  = 0x88
	finPong   = 0x8a
)

// Message is one Engine.IO message, text unless Binary is set. Text must be
// valid UTF-8.
type Message struct {
	Data   []byte
	Binary bool
}

// Frame holds one or more messages, encoded once for any number of sessions.
// It never changes after it was made, so it may be sent from any goroutine, to
// many sessions at the same time.
type Frame struct {
	wire []byte // websocket frames, one per message, unmasked as servers send them
}

// NewFrame encodes messages. It copies their data.
func NewFrame(msgs ...Message) *Frame {
	n := 0
	for _, m := range msgs {
		n += maxHeader + 1 + len(m.Data)
	}
	wire := make([]byte, 0, n)
	for _, m := range msgs {
		if m.Binary {
			wire = appendHeader(wire, finBinary, len(m.Data))
		} else {
			wire = appendHeader(wire, finText, 1+len(m.Data))
			wire = append(wire, byte(packetMessage))
		}
		wire = append(wire, m.Data...)
	}
	return &Frame{wire: wire}
}

// Join makes one frame of many, in their order, so that a session takes all of
// them in one write.
func Join(frames ...*Frame) *Frame {
	if len(frames) == 1 {
		return frames[0]
	}
	n := 0
	for _, f := range frames {
		n += len(f.wire)
	}
	wire := make([]byte, 0, n)
	for _, f := range frames {
		wire = append(wire, f.wire...)
	}
	return &Frame{wire: wire}
}

// Size is the number of bytes that a websocket carries for the frame.
func (f *Frame) Size() int { return len(f.wire) }

// textFrame is a frame of one packet that is not a message.
func textFrame(packet string) *Frame {
	return &Frame{wire: append(appendHeader(nil, finText, len(packet)), packet...)}
}

const maxHeader = 10 // bytes before the payload of an unmasked frame

// appendHeader appends the header of an unmasked frame with a payload of n bytes.
func appendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, first, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
	}
}
