// Package msgpack is the form of packets of clients that use socket.io-msgpack-parser
// 3.0: one binary message per packet, a MessagePack map of type, data, nsp and id. Binary
// values are part of it, so packets have no attachments that follow.
//
//	socketio.New(socketio.Options{Parser: msgpack.Parser})
package msgpack

import (
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// Parser is a socketio.Parser.
var Parser socketio.Parser = parser{}

type parser struct{}

// Errors of messages from clients.
var (
	ErrText   = errors.New("a packet is a binary message")
	ErrPacket = errors.New("malformed packet")
)

// Encode implements socketio.Parser.
func (parser) Encode(p *socketio.Packet) ([]engineio.Message, error) {
	fields := uint32(2)
	if len(p.Data) > 0 {
		fields++
	}
	if p.ID != nil {
		fields++
	}
	out := make([]byte, 0, len(p.Data)+len(p.Namespace)+32)
	out = msgp.AppendMapHeader(out, fields)
	out = msgp.AppendUint8(msgp.AppendString(out, "type"), byte(p.Type))
	namespace := p.Namespace
	if namespace == "" {
		namespace = "/"
	}
	if len(p.Data) > 0 {
		var err error
		if out, err = broadcast.AppendMsgpack(msgp.AppendString(out, "data"), p.Data, p.Attachments...); err != nil {
			return nil, fmt.Errorf("encode packet: %w", err)
		}
	}
	if p.ID != nil {
		out = msgp.AppendUint64(msgp.AppendString(out, "id"), *p.ID)
	}
	out = msgp.AppendString(msgp.AppendString(out, "nsp"), namespace)
	return []engineio.Message{{Data: out, Binary: true}}, nil
}

// Decoder implements socketio.Parser.
func (parser) Decoder() socketio.Decoder { return decoder{} }

// decoder keeps nothing: each message is a packet.
type decoder struct{}

// Add implements socketio.Decoder.
func (decoder) Add(message []byte, binary bool) (*socketio.Packet, error) {
	if !binary {
		return nil, ErrText
	}
	p := &socketio.Packet{}
	rest, err := packet(message, p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPacket, err)
	}
	if len(rest) > 0 {
		return nil, ErrPacket
	}
	return p, nil
}

// packet reads the map. Keys that it does not know, such as the client's options, are
// passed over.
func packet(in []byte, p *socketio.Packet) (rest []byte, err error) {
	fields, in, err := msgp.ReadMapHeaderBytes(in)
	if err != nil {
		return nil, err
	}
	kind, named := -1, false
	for range fields {
		var key []byte
		if key, in, err = msgp.ReadStringZC(in); err != nil {
			return nil, err
		}
		switch string(key) {
		case "type":
			kind, in, err = msgp.ReadIntBytes(in)
		case "nsp":
			p.Namespace, in, err = msgp.ReadStringBytes(in)
			named = true
		case "id":
			in, err = id(in, p)
		case "data":
			in, err = data(in, p)
		default:
			in, err = msgp.Skip(in)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if kind < 0 || kind > int(socketio.ConnectErrorPacket) || !named {
		return nil, errors.New("type or namespace is missing")
	}
	p.Type = socketio.PacketType(kind)
	return in, nil
}

func id(in []byte, p *socketio.Packet) (rest []byte, err error) {
	if absent(in) {
		return msgp.Skip(in)
	}
	n, rest, err := msgp.ReadUint64Bytes(in)
	p.ID = &n
	return rest, err
}

// data reads the payload. null is none, in any of the forms that become null in JSON.
func data(in []byte, p *socketio.Packet) (rest []byte, err error) {
	p.Data, p.Attachments, rest, err = broadcast.AppendJSON(make([]byte, 0, len(in)+len(in)/4), in)
	if string(p.Data) == "null" {
		p.Data = nil
	}
	return rest, err
}

// absent reports whether null comes next, or undefined in the form of the clients'
// encoder: an extension of its own.
func absent(in []byte) bool {
	return len(in) > 0 && in[0] == 0xc0 || len(in) > 2 && in[0] == 0xd4 && in[1] == 0 && in[2] == 0
}
