package engineio

import "errors"

// packetType is the first byte of a text packet.
type packetType byte

const (
	packetOpen    packetType = '0'
	packetClose   packetType = '1'
	packetPing    packetType = '2'
	packetPong    packetType = '3'
	packetMessage packetType = '4'
	packetUpgrade packetType = '5'
	packetNoop    packetType = '6'
)

// packet is one decoded Engine.IO packet; data holds what follows the type.
type packet struct {
	kind   packetType
	data   []byte
	binary bool
}

var (
	errEmptyPacket = errors.New("empty packet")
	errPacketType  = errors.New("unknown packet type")
)

// decodeText reads a packet that came as text. The packet's data is a part of b.
func decodeText(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, errEmptyPacket
	}
	kind := packetType(b[0])
	if kind < packetOpen || kind > packetNoop {
		return packet{}, errPacketType
	}
	return packet{kind: kind, data: b[1:]}, nil
}
