package cluster

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// eventType is the type of every broadcast packet on this wire, also of one with
// attachments: they are byte arrays in its data.
const eventType = 2

// Errors of messages that are not for us, or not understood.
var (
	errNamespace = errors.New("another namespace's message")
	errMessage   = errors.New("malformed message")
)

// encodeBroadcast writes the message that other servers deliver to their sockets. Keys
// stand in the order in which Node's adapter writes them.
func encodeBroadcast(uid, namespace string, b socketio.Broadcast) ([]byte, error) {
	out := make([]byte, 0, len(b.Packet.Data)+128)
	out = msgp.AppendArrayHeader(out, 3)
	out = msgp.AppendString(out, uid)
	out = msgp.AppendMapHeader(out, 3)
	out = msgp.AppendString(out, "type")
	out = msgp.AppendUint64(out, eventType)
	out = msgp.AppendString(out, "data")
	out, err := broadcast.AppendMsgpack(out, b.Packet.Data, b.Packet.Attachments...)
	if err != nil {
		return nil, err
	}
	out = msgp.AppendString(out, "nsp")
	out = msgp.AppendString(out, namespace)
	out = msgp.AppendMapHeader(out, 3)
	out = msgp.AppendString(out, "rooms")
	out = appendNames(out, b.Rooms)
	out = msgp.AppendString(out, "except")
	out = appendNames(out, b.Except)
	out = msgp.AppendString(out, "flags")
	if !b.Flags.Volatile {
		return msgp.AppendMapHeader(out, 0), nil
	}
	out = msgp.AppendMapHeader(out, 1)
	out = msgp.AppendString(out, "volatile")
	return msgp.AppendBool(out, true), nil
}

func appendNames(out []byte, names []string) []byte {
	out = msgp.AppendArrayHeader(out, uint32(len(names)))
	for _, name := range names {
		out = msgp.AppendString(out, name)
	}
	return out
}

// mark is how every message of a sender begins, by which it knows its own unread.
func mark(uid string) string {
	return string(msgp.AppendString(msgp.AppendArrayHeader(nil, 3), uid))
}

// decodeBroadcast reads a message of another server. errNamespace says that it is to be
// dropped; attachments point into raw.
func decodeBroadcast(raw []byte, namespace string) (socketio.Broadcast, error) {
	var b socketio.Broadcast
	parts, rest, err := msgp.ReadArrayHeaderBytes(raw)
	if err != nil || parts < 3 {
		return b, errMessage
	}
	if _, rest, err = msgp.ReadStringZC(rest); err != nil {
		return b, fmt.Errorf("%w: sender: %w", errMessage, err)
	}
	if rest, err = decodePacket(rest, &b.Packet); err != nil {
		return b, fmt.Errorf("packet: %w", err)
	}
	if b.Packet.Namespace != namespace {
		return b, errNamespace
	}
	if rest, err = decodeOptions(rest, &b); err != nil {
		return b, fmt.Errorf("options: %w", err)
	}
	for range parts - 3 { // what newer servers may add
		if rest, err = msgp.Skip(rest); err != nil {
			return b, fmt.Errorf("%w: %w", errMessage, err)
		}
	}
	if len(rest) > 0 {
		return b, errMessage
	}
	return b, nil
}

func decodePacket(raw []byte, p *socketio.Packet) (rest []byte, err error) {
	kind := uint64(0)
	p.Namespace = "/" // unless named
	rest, err = fields(raw, func(key string, value []byte) (rest []byte, err error) {
		switch key {
		case "type":
			kind, rest, err = msgp.ReadUint64Bytes(value)
		case "nsp":
			var name []byte
			name, rest, err = msgp.ReadStringZC(value)
			p.Namespace = string(name)
		case "data":
			p.Data, p.Attachments, rest, err = broadcast.AppendJSON(make([]byte, 0, len(value)+len(value)/4), value)
		default:
			rest, err = msgp.Skip(value)
		}
		return rest, err
	})
	if err == nil && (kind != eventType && kind != eventType+3 || len(p.Data) == 0 || p.Data[0] != '[') {
		err = errMessage
	}
	p.Type = socketio.EventPacket
	return rest, err
}

func decodeOptions(raw []byte, b *socketio.Broadcast) (rest []byte, err error) {
	return fields(raw, func(key string, value []byte) (rest []byte, err error) {
		switch key {
		case "rooms":
			b.Rooms, rest, err = readNames(value)
		case "except":
			b.Except, rest, err = readNames(value)
		case "flags":
			rest, err = fields(value, func(key string, value []byte) ([]byte, error) {
				if key == "volatile" && msgp.NextType(value) == msgp.BoolType {
					b.Flags.Volatile = value[0] == 0xc3
				}
				return msgp.Skip(value)
			})
		default:
			rest, err = msgp.Skip(value)
		}
		return rest, err
	})
}

// fields hands each value of a map to read, which returns what follows it. nil counts
// as an empty map.
func fields(raw []byte, read func(key string, value []byte) (rest []byte, err error)) ([]byte, error) {
	if msgp.NextType(raw) == msgp.NilType {
		return raw[1:], nil
	}
	count, raw, err := msgp.ReadMapHeaderBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMessage, err)
	}
	for range count {
		var key []byte
		if key, raw, err = msgp.ReadStringZC(raw); err != nil {
			return nil, fmt.Errorf("%w: %w", errMessage, err)
		}
		if raw, err = read(string(key), raw); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errMessage, key, err)
		}
	}
	return raw, nil
}

// readNames reads rooms. Node's rooms may be numbers; ours are text.
func readNames(raw []byte) (names []string, rest []byte, err error) {
	if msgp.NextType(raw) == msgp.NilType {
		return nil, raw[1:], nil
	}
	count, raw, err := msgp.ReadArrayHeaderBytes(raw)
	if err != nil {
		return nil, nil, err
	}
	if uint64(count) > uint64(len(raw)) {
		return nil, nil, msgp.ErrShortBytes
	}
	for range count {
		var name string
		switch msgp.NextType(raw) {
		case msgp.IntType:
			var n int64
			n, raw, err = msgp.ReadInt64Bytes(raw)
			name = strconv.FormatInt(n, 10)
		case msgp.UintType:
			var n uint64
			n, raw, err = msgp.ReadUint64Bytes(raw)
			name = strconv.FormatUint(n, 10)
		default:
			name, raw, err = msgp.ReadStringBytes(raw)
		}
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
	}
	return names, raw, nil
}
