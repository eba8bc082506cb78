package socketio

import (
	"fmt"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// Parser is another form of packets than the one of the protocol, for clients that are
// set up with the same. Its methods may be called concurrently.
type Parser interface {
	// Encode returns the messages in which a packet goes to clients. Placeholders in
	// its data stand for the attachments.
	Encode(p *Packet) ([]engineio.Message, error)
	// Decoder returns what puts the packets of one client together.
	Decoder() Decoder
}

// Decoder reads one client's messages, one after another.
type Decoder interface {
	// Add takes the next message, which is its own from then on, and returns a packet
	// when the message completes one. After an error the client is closed.
	Add(message []byte, binary bool) (*Packet, error)
}

// frame encodes a packet with its attachments for any number of sessions. offset,
// unless empty, becomes an extra last argument of the event.
func (srv *Server) frame(p *Packet, offset string) (*engineio.Frame, error) {
	if srv.parser == nil {
		return p.frameAt(offset)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if offset != "" {
		marked := *p
		marked.Data = appendData(nil, p.Data, offset)
		p = &marked
	}
	messages, err := srv.parser.Encode(p)
	if err != nil {
		return nil, fmt.Errorf("encode packet: %w", err)
	}
	return engineio.NewFrame(messages...), nil
}

// decoder returns what reads a client's messages.
func (srv *Server) decoder() Decoder {
	if srv.parser == nil {
		return &assembler{}
	}
	return checked{srv.parser.Decoder()}
}

// checked refuses from any parser what the protocol forbids.
type checked struct{ Decoder }

func (c checked) Add(message []byte, binary bool) (*Packet, error) {
	p, err := c.Decoder.Add(message, binary)
	if p == nil || err != nil {
		return nil, err
	}
	if p.Type > ConnectErrorPacket {
		return nil, errPacketType
	}
	if len(p.Attachments) > 0 && p.Type != EventPacket && p.Type != AckPacket {
		return nil, errPayload
	}
	p.Data, err = payload(p.Type, p.Data, len(p.Attachments))
	return p, err
}
