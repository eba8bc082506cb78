package engineio

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second // how long a test waits for what must happen

// recorder is a Handler that keeps what it is told, and may act on messages.
type recorder struct {
	session *Session
	act     func(s *Session, data []byte, binary bool)
	closed  chan Reason // gets the reason; a second one would not fit

	mu       sync.Mutex
	messages []string
	binary   []bool // of each message
}

func (r *recorder) Message(data []byte, binary bool) {
	r.mu.Lock()
	r.messages = append(r.messages, string(data))
	r.binary = append(r.binary, binary)
	r.mu.Unlock()
	if r.act != nil {
		r.act(r.session, data, binary)
	}
}

func (r *recorder) Closed(why Reason) { r.closed <- why }

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

func (r *recorder) reason(t testing.TB) Reason {
	t.Helper()
	select {
	case why := <-r.closed:
		return why
	case <-time.After(patience):
		t.Fatal("the session was not closed")
		return ""
	}
}

func echo(s *Session, data []byte, binary bool) {
	s.Send(NewFrame(Message{Data: data, Binary: binary}))
}

// rig is a server on a loopback port.
type rig struct {
	*Server
	addr     string
	accepted chan *recorder
}

func start(t testing.TB, opts Options, act func(*Session, []byte, bool)) *rig {
	t.Helper()
	r := &rig{accepted: make(chan *recorder, 4096)}
	r.Server = NewServer(opts, func(s *Session) Handler {
		h := &recorder{session: s, act: act, closed: make(chan Reason, 1)}
		r.accepted <- h
		return h
	})
	web := httptest.NewServer(r.Server)
	r.addr = web.Listener.Addr().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Shutdown(ctx, 0); err != nil {
			t.Errorf("shut down: %v", err)
		}
		web.Close()
	})
	return r
}

// next is the handler of the session that was opened next.
func (r *rig) next(t testing.TB) *recorder {
	t.Helper()
	select {
	case h := <-r.accepted:
		return h
	case <-time.After(patience):
		t.Fatal("no session was opened")
		return nil
	}
}

// connect opens a websocket session and reads the open packet.
func (r *rig) connect(t testing.TB) (*client, *recorder) {
	t.Helper()
	c := dial(t, r.addr, "EIO=4&transport=websocket")
	if got := c.text(t); !strings.HasPrefix(got, "0{") {
		t.Fatalf("first packet %q, want an open packet", got)
	}
	return c, r.next(t)
}

// client speaks the websocket protocol byte by byte.
type client struct {
	net.Conn
	in *bufio.Reader
}

const upgradeHeaders = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

// exchange sends a request as it stands and reads the head of the answer.
func exchange(t testing.TB, conn net.Conn, request string) (*client, *http.Response) {
	t.Helper()
	c := &client{Conn: conn, in: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatalf("send the request: %v", err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return c, answer
}

func tcp(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dial makes a websocket with the given query.
func dial(t testing.TB, addr, query string) *client {
	t.Helper()
	return upgraded(t, tcp(t, addr), query)
}

func upgraded(t testing.TB, conn net.Conn, query string) *client {
	t.Helper()
	c, answer := exchange(t, conn, "GET /socket.io/?"+query+" HTTP/1.1\r\nHost: game.example\r\n"+upgradeHeaders+"\r\n")
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake answered %s", answer.Status)
	}
	if got := answer.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Fatalf("extension %q was accepted", got)
	}
	return c
}

// mask is a client's frame.
func mask(first byte, payload string) []byte {
	b := appendHeader(nil, first, len(payload))
	b[1] |= 0x80
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

func (c *client) put(t testing.TB, raw ...[]byte) {
	t.Helper()
	for _, b := range raw {
		if _, err := c.Write(b); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
}

func (c *client) say(t testing.TB, packets ...string) {
	t.Helper()
	for _, p := range packets {
		c.put(t, mask(finText, p))
	}
}

// frame reads one frame: its first byte and its payload.
func (c *client) frame() (byte, []byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	var more []byte
	switch n {
	case 126:
		more = make([]byte, 2)
	case 127:
		more = make([]byte, 8)
	}
	if _, err := io.ReadFull(c.in, more); err != nil {
		return 0, nil, err
	}
	switch len(more) {
	case 2:
		n = uint64(binary.BigEndian.Uint16(more))
	case 8:
		n = binary.BigEndian.Uint64(more)
	}
	if n > 64<<20 {
		return 0, nil, fmt.Errorf("frame of %d bytes: masked or out of step", n)
	}
	payload := make([]byte, n)
	_, err := io.ReadFull(c.in, payload)
	return head[0], payload, err
}

// text reads a frame that must be text.
func (c *client) text(t testing.TB) string {
	t.Helper()
	first, payload, err := c.frame()
	if err != nil || first != finText {
		t.Fatalf("read a text frame: first byte %#x, payload %.80q, error %v", first, payload, err)
	}
	return string(payload)
}

// code reads until the close frame and returns its code; then the connection
// must end. It returns 0 when the connection ends without one.
func (c *client) code(t testing.TB) int {
	t.Helper()
	for {
		first, payload, err := c.frame()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the connection ended with %v, want a clean end", err)
			}
			return 0
		}
		if first != finClose {
			continue
		}
		if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
			t.Errorf("after the close frame: %d bytes and error %v, want the end", len(rest), err)
		}
		if len(payload) < 2 {
			return 1005
		}
		return int(binary.BigEndian.Uint16(payload))
	}
}

// until polls a condition that must come true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
