package engineio

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// maxPings is how many websocket pings a client may send without completing a
// message. Engine.IO has its own ping; browsers send none of these.
const maxPings = 100

// scratchMax is the largest buffer kept for reading further messages, in bytes.
const scratchMax = 64 << 10

var errNotUTF8 = errors.New("text message is not UTF-8")

// scratches holds *[]byte for messages while they arrive, so that idle
// connections need none.
var scratches = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

// socket is the websocket transport of one session.
type socket struct {
	conn    *conn
	ws      *websocket.Conn
	pings   int  // since the last message
	goodbye bool // the client ended the connection
}

func newSocket(c *conn, ws *websocket.Conn, maxPayload int) *socket {
	t := &socket{conn: c, ws: ws}
	ws.SetReadLimit(int64(maxPayload))
	ws.SetPingHandler(t.pong)
	return t
}

// pong answers a websocket ping.
func (t *socket) pong(data string) error {
	if t.pings++; t.pings > maxPings {
		return errFlood
	}
	_, err := t.conn.Write(append(appendHeader(nil, finPong, len(data)), data...))
	return err
}

func (t *socket) send(f *Frame) bool { return t.conn.send(f.wire) }

func (t *socket) writable() bool { return t.conn.writable() }

func (t *socket) end(why Reason, hard bool) {
	if hard {
		t.conn.cut()
		return
	}
	t.conn.shut(why.closeCode())
}

func (t *socket) receive(s *Session) Reason {
	for {
		p, err := t.read()
		if err != nil {
			if errors.Is(err, errFlood) {
				s.server.opts.tally.floods.Add(1)
			}
			return t.blame(err)
		}
		if why := s.take(p); why != "" {
			return why
		}
	}
}

func (t *socket) finish() { t.conn.finish(!t.goodbye) }

// read waits for the next message and decodes it. The packet's data is its own.
func (t *socket) read() (packet, error) {
	kind, r, err := t.ws.NextReader()
	if err != nil {
		return packet{}, err
	}
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	b := (*scratch)[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		t.conn.overhead -= n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return packet{}, err
		}
	}
	t.conn.overhead, t.pings = 0, 0
	if kind == websocket.TextMessage && !utf8.Valid(b) {
		return packet{}, errNotUTF8
	}
	if cap(b) <= scratchMax {
		*scratch = b // grown, perhaps
		b = bytes.Clone(b)
	}
	if kind == websocket.BinaryMessage {
		return packet{kind: packetMessage, data: b, binary: true}, nil
	}
	return decodeText(b)
}

// blame turns the error that ended reading into a reason, and tells the client
// what it did wrong, with the close code of RFC 6455.
func (t *socket) blame(err error) Reason {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, errEmptyPacket), errors.Is(err, errPacketType):
		return ParseError
	case errors.Is(err, errNotUTF8):
		t.conn.shut(websocket.CloseInvalidFramePayloadData)
		return TransportError
	case errors.Is(err, websocket.ErrReadLimit):
		t.conn.shut(websocket.CloseMessageTooBig)
		return TransportError
	case errors.Is(err, errFlood):
		t.conn.shut(websocket.ClosePolicyViolation)
		return TransportError
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		t.goodbye = true
		return TransportClose
	}
	closing, failure := t.conn.failure()
	switch {
	case failure != nil && !errors.Is(failure, errCut):
		return TransportError // too slow, or the write failed
	case closing:
		return TransportError // gorilla found a broken frame and said so, code 1002
	default:
		t.goodbye = true // the client is gone: nothing to wait for
		return TransportClose
	}
}
