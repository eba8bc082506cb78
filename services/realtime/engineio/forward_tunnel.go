package engineio

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// firstChunk is what a tunnel reads from a client at once, in bytes. Idle ones
	// hold no more.
	firstChunk = 1 << 10
	// lastChunk is what that grows to while the client fills it.
	lastChunk = 16 << 10
)

// tunnel carries the bytes of a websocket between its client, who is connected
// here, and the server that owns the session. It looks at none of them: the
// owner checks what a client may send, paces what is sent to it, and answers
// for both as for a connection of its own.
type tunnel struct {
	client, owner net.Conn
	stall         time.Duration // how long the client may take none of what is sent to it
	head, first   []byte        // goes to the client, and to the owner, before all else
}

// run carries bytes both ways until either side ends, and then for closeWait at
// most.
func (t *tunnel) run() {
	defer func() { _ = t.Close() }() // one side has ended already
	to := patient{t.client, t.stall}
	if _, err := to.Write(t.head); err != nil {
		return
	}
	var up sync.WaitGroup
	defer up.Wait()
	first := t.first
	t.head, t.first = nil, nil
	up.Go(func() { // ends with the client's connection, or with the stream
		defer t.owner.Close() // a client that says no more is gone
		if _, err := t.owner.Write(first); err == nil {
			t.upstream()
		}
	})
	_, err := io.Copy(to, t.owner)
	half, ok := t.client.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		t.client.Close()
		return
	}
	// The owner has said its last word; closing at once, over what the client
	// still sends, could keep it from being read.
	_ = t.client.SetReadDeadline(time.Now().Add(closeWait))
}

// upstream carries what the client sends.
func (t *tunnel) upstream() {
	chunk := make([]byte, firstChunk)
	for {
		n, err := t.client.Read(chunk)
		if n > 0 {
			if _, err := t.owner.Write(chunk[:n]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				return
			}
			// What is sent after the owner's last word is dropped.
		}
		if err != nil {
			return
		}
		if n == len(chunk) && n < lastChunk {
			chunk = make([]byte, 2*n)
		}
	}
}

// Close ends the tunnel at once. The client connects anew.
func (t *tunnel) Close() error { return errors.Join(t.client.Close(), t.owner.Close()) }

// patient is a connection that may stand still for a while in the middle of a
// write, and no longer.
type patient struct {
	net.Conn
	stall time.Duration
}

func (p patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(p.stall))
	return p.Conn.Write(b)
}

// switching is the answer that makes a connection a websocket.
func switching(h http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}

// passages are the requests and websockets that this server carries for others.
type passages struct {
	mu     sync.Mutex
	open   map[io.Closer]struct{}
	closed bool
}

// add reports whether c may go on; it must be removed then.
func (p *passages) add(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.put(c)
}

// put needs p.mu.
func (p *passages) put(c io.Closer) bool {
	if p.closed {
		return false
	}
	if p.open == nil {
		p.open = make(map[io.Closer]struct{})
	}
	p.open[c] = struct{}{}
	return true
}

// start runs a tunnel in the group, or returns false: then nothing waits for
// what is added to the group any more.
func (p *passages) start(t *tunnel, group *sync.WaitGroup) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.put(t) {
		return false
	}
	group.Go(func() { // ends with either side of the tunnel
		defer p.remove(t)
		t.run()
	})
	return true
}

func (p *passages) remove(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// all is what is open now.
func (p *passages) all() []io.Closer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.open))
}

// shut closes what is open and lets nothing in any more.
func (p *passages) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
}
