package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// A message between two containers, all numbers big-endian:
//
//	version 1 byte, flags 1, link 8, number 8, the sender's tag 4, frames
//
// Messages of one direction of a link are numbered from 1 without a hole. One without
// frames only says that the sender lives.
const (
	controlVersion = 1
	controlHeader  = 22 // bytes

	flagDialler = 1 // the sender has dialled the link
	flagBusy    = 2 // streams are open at the sender: say that you live, too
	flagUnknown = 4 // the sender does not know the link: nothing of it can go on
)

// Frames. Every one names its stream in 4 bytes, which the dialler chose.
const (
	frameOpen   = 1 // a new stream
	frameData   = 2 // length 4, bytes, count 2, and so many streams that get them
	frameCredit = 3 // so many more bytes, 4, may be sent
	frameFin    = 4 // nothing more comes
	frameEnd    = 5 // nothing more comes, and nothing more is read
	frameRefuse = 6 // the stream is not accepted
)

// maxGroup is how many streams can share the bytes of one frame.
const maxGroup = 1<<16 - 1

var errFrame = errors.New("malformed frame")

// header is the beginning of a message.
type header struct {
	flags  byte
	link   uint64
	number uint64
	tag    string
}

func (h header) append(dst []byte) []byte {
	dst = append(dst, controlVersion, h.flags)
	dst = binary.BigEndian.AppendUint64(dst, h.link)
	dst = binary.BigEndian.AppendUint64(dst, h.number)
	return append(dst, h.tag...)
}

func decodeHeader(payload string) (h header, frames string, err error) {
	if len(payload) < controlHeader || payload[0] != controlVersion {
		return h, "", errMessage
	}
	raw := []byte(payload[:controlHeader])
	h = header{flags: raw[1], link: binary.BigEndian.Uint64(raw[2:]), number: binary.BigEndian.Uint64(raw[10:]), tag: string(raw[18:])}
	return h, payload[controlHeader:], nil
}

// frame is one decoded frame. Only the fields of its kind are set.
type frame struct {
	kind   byte
	stream uint32
	credit uint32
	data   string
	group  string // 4 bytes for each stream that gets data
}

// member is the i-th stream of the group.
func (f frame) member(i int) uint32 { return binary.BigEndian.Uint32([]byte(f.group[4*i : 4*i+4])) }

// nextFrame takes the first of frames, which are not empty.
func nextFrame(frames string) (f frame, rest string, err error) {
	f.kind, rest = frames[0], frames[1:]
	if len(rest) < 4 {
		return f, "", errFrame
	}
	n := binary.BigEndian.Uint32([]byte(rest[:4]))
	rest = rest[4:]
	switch f.kind {
	case frameOpen, frameFin, frameEnd, frameRefuse:
		f.stream = n
	case frameCredit:
		if len(rest) < 4 {
			return f, "", errFrame
		}
		f.stream, f.credit, rest = n, binary.BigEndian.Uint32([]byte(rest[:4])), rest[4:]
	case frameData:
		if uint64(len(rest)) < uint64(n)+2 {
			return f, "", errFrame
		}
		f.data, rest = rest[:n], rest[n:]
		size := 4 * int(binary.BigEndian.Uint16([]byte(rest[:2])))
		if rest = rest[2:]; len(rest) < size {
			return f, "", errFrame
		}
		f.group, rest = rest[:size], rest[size:]
	default:
		return f, "", errFrame
	}
	return f, rest, nil
}

// packer writes frames. Consecutive data that are equal are written once, so that a
// broadcast to many streams costs 4 bytes for each.
type packer struct {
	out  []byte
	data int // where the payload of the last frame begins, 0 when it is no data
	size int // of that payload
}

func (p *packer) frame(kind byte, stream uint32) {
	p.out = binary.BigEndian.AppendUint32(append(p.out, kind), stream)
	p.data = 0
}

func (p *packer) credit(stream uint32, n int) {
	p.frame(frameCredit, stream)
	p.out = binary.BigEndian.AppendUint32(p.out, uint32(n))
}

func (p *packer) bytes(stream uint32, b []byte) {
	if p.data > 0 && bytes.Equal(p.out[p.data:p.data+p.size], b) {
		count := p.out[p.data+p.size:]
		if n := binary.BigEndian.Uint16(count); n < maxGroup {
			binary.BigEndian.PutUint16(count, n+1)
			p.out = binary.BigEndian.AppendUint32(p.out, stream)
			return
		}
	}
	p.frame(frameData, uint32(len(b)))
	p.data, p.size = len(p.out), len(b)
	p.out = append(p.out, b...)
	p.out = binary.BigEndian.AppendUint16(p.out, 1)
	p.out = binary.BigEndian.AppendUint32(p.out, stream)
}
