package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// MaxAttachments is how many binary attachments a packet may have, in either
// direction: clients refuse more (maxAttachments of socket.io-parser 4.2.5).
const MaxAttachments = 10

// PacketType is what a packet is for.
type PacketType byte

// The packet types. EventPacket and AckPacket cover their binary forms: a packet
// is binary when it has attachments.
const (
	ConnectPacket      PacketType = 0
	DisconnectPacket   PacketType = 1
	EventPacket        PacketType = 2
	AckPacket          PacketType = 3
	ConnectErrorPacket PacketType = 4
	binaryEvent        PacketType = 5 // on the wire alone, as is the next one
	binaryAck          PacketType = 6
)

const (
	toBinary     = binaryEvent - EventPacket
	attachedMark = '-' // between the number of attachments and the rest
	rootName     = "/" // the namespace that the wire does not name
)

// Packet is one Socket.IO packet.
type Packet struct {
	Type      PacketType
	Namespace string // "" means "/"
	// ID asks for the acknowledgement of an event, or says which one an ack is.
	ID *uint64
	// Data is JSON: an object for a connect or its error, an array for an event
	// (its name first) or an ack. Attachments appear as {"_placeholder":true,"num":i}.
	Data json.RawMessage
	// Attachments follow the packet as binary messages, in this order.
	Attachments [][]byte
}

var (
	errAttachments = fmt.Errorf("a packet has at most %d attachments", MaxAttachments)
	errUTF8        = errors.New("packet is not valid UTF-8")
	errPacketType  = errors.New("unknown packet type")
)

// Encode returns the text of the packet, without its attachments. Data goes in
// as it is: it is checked for UTF-8, because one bad byte would cost every
// receiver its connection, but not for JSON.
func (p *Packet) Encode() ([]byte, error) { return p.encode("") }

// encode is Encode of an event with an offset as an extra last argument, unless
// that is empty; see Journal.
func (p *Packet) encode(offset string) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	n, kind := len(p.Attachments), p.Type
	text := make([]byte, 0, len(p.Namespace)+len(p.Data)+len(offset)+24)
	if n > 0 {
		text = append(text, '0'+byte(kind+toBinary))
		text = strconv.AppendInt(text, int64(n), 10)
		text = append(text, attachedMark)
	} else {
		text = append(text, '0'+byte(kind))
	}
	if p.Namespace != "" && p.Namespace != rootName {
		text = append(text, p.Namespace...)
		text = append(text, ',')
	}
	if p.ID != nil {
		text = strconv.AppendUint(text, *p.ID, 10)
	}
	return appendData(text, p.Data, offset), nil
}

// check returns why a packet cannot be encoded, or nil.
func (p *Packet) check() error {
	n := len(p.Attachments)
	switch {
	case p.Type > ConnectErrorPacket, n > 0 && p.Type != EventPacket && p.Type != AckPacket:
		return errPacketType
	case n > MaxAttachments:
		return errAttachments
	case !utf8.Valid(p.Data):
		return errUTF8
	case p.Type == EventPacket:
		return checkEvent(p.Data)
	case p.Type == AckPacket && (len(p.Data) == 0 || p.Data[0] != '['):
		return errPayload
	}
	return nil
}

// checkEvent returns why clients would refuse the data of an event, valid JSON
// that may have come from anybody in the cluster, or nil. A client that refuses
// a packet ends its connection, so one such event would cost everybody theirs.
func checkEvent(data json.RawMessage) error {
	if len(data) == 0 || data[0] != '[' {
		return errPayload
	}
	_, err := eventName(data)
	return err
}

// appendData appends the data of a packet, an array when there is an offset to
// go into it.
func appendData(dst, data []byte, offset string) []byte {
	if offset == "" || len(data) < 2 {
		return append(dst, data...)
	}
	dst = append(dst, data[:len(data)-1]...)
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	dst = append(append(append(dst, '"'), offset...), '"')
	return append(dst, ']')
}

// frameAt encodes the packet with its attachments for any number of sessions. An
// offset becomes an extra last argument of the event.
func (p *Packet) frameAt(offset string) (*engineio.Frame, error) {
	text, err := p.encode(offset)
	if err != nil {
		return nil, err
	}
	messages := make([]engineio.Message, 1, 1+len(p.Attachments))
	messages[0] = engineio.Message{Data: text}
	for _, data := range p.Attachments {
		messages = append(messages, engineio.Message{Data: data, Binary: true})
	}
	return engineio.NewFrame(messages...), nil
}
