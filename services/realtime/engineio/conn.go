package engineio

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// maxOverhead is how many bytes of headers and control frames a client may
	// send without completing a message; frames of one byte reach it soon.
	maxOverhead = 16 << 10
	// closeWait bounds how long a closing connection may take to deliver what is
	// queued, and then to end.
	closeWait = time.Second
	// entryCost is what it costs to keep a piece of the queue besides its bytes:
	// its place in a slice that grows, and the allocations behind it.
	entryCost = 64
	// drainBatch is how much a drainer writes under one deadline, in bytes.
	drainBatch = 32 << 10
)

var (
	errFlood   = errors.New("more frames than messages")
	errSlow    = errors.New("client reads too slowly")
	errClosing = errors.New("nothing follows a close frame")
	errCut     = errors.New("connection cut")
)

// drainBuffers holds the *[]byte of drainers, which are short-lived.
var drainBuffers = sync.Pool{New: func() any { b := make([]byte, drainBatch); return &b }}

// conn is the connection under a websocket. Everything that is written, by
// sessions and by gorilla (the handshake's answer, control frames), goes
// through put, which never blocks and never lets one frame begin inside
// another. Only the session's goroutine reads.
type conn struct {
	net.Conn
	tally *tally        // of the server
	limit int           // bytes that may wait in queue
	stall time.Duration // how long a batch of the queue may take

	overhead int // bytes read since the last message that were no payload; the reader's alone

	mu       sync.Mutex
	try      attempt
	queue    [][]byte // what the kernel did not take yet, in order
	queued   int      // bytes of queue and of the drainer's batch
	large    int      // of those, what is left of a frame above the limit that came first
	draining bool
	drained  chan struct{} // closed when the latest drainer ended; nil before the first
	closing  bool          // a close frame is written or queued
	broken   error         // why nothing can be written any more
}

func newConn(c net.Conn, opts *Options) *conn {
	return &conn{Conn: c, limit: opts.QueueLimit, stall: opts.StallTimeout, try: newAttempt(c), tally: opts.tally}
}

// Read counts what arrives and ends a client that sends frames without end and
// no message.
func (c *conn) Read(p []byte) (int, error) {
	if c.overhead > maxOverhead {
		return 0, errFlood
	}
	n, err := c.Conn.Read(p)
	c.overhead += n
	return n, err
}

// Write takes what gorilla writes, always whole frames. The bytes are copied
// when they must wait.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.put(p, false); err != nil {
		return 0, err
	}
	c.closing = p[0] == finClose
	return len(p), nil
}

// SetWriteDeadline does nothing: writes do not block, and the drainer sets its
// own deadlines.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// send writes or queues whole frames that nobody changes afterwards. It
// returns false when the connection takes no more.
func (c *conn) send(frames []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(frames, true) == nil
}

// put needs c.mu. kept says that b stays unchanged and need not be copied.
func (c *conn) put(b []byte, kept bool) error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.closing:
		return errClosing
	case c.draining && !c.fits(len(b)):
		c.fail(errSlow)
		return errSlow
	case !c.draining:
		n, err := c.try.write(b)
		if err != nil {
			c.fail(err)
			return err
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
		if len(b) > c.limit {
			c.large = len(b)
		}
		c.draining = true
		c.drained = make(chan struct{})
		go c.drain(c.drained) // ends with the queue; finish waits for it
	}
	if !kept {
		b = bytes.Clone(b)
	}
	c.queue = append(c.queue, b)
	c.queued += len(b)
	return nil
}

// fits needs c.mu. It reports whether so many bytes more may wait.
func (c *conn) fits(n int) bool {
	return c.queued-c.large+n+entryCost*(len(c.queue)+1) <= c.limit
}

// writable reports whether a frame would go out now instead of waiting.
func (c *conn) writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.draining && !c.closing && c.broken == nil
}

// drain writes the queue until it is empty or the connection fails.
func (c *conn) drain(done chan<- struct{}) {
	defer close(done)
	buf := drainBuffers.Get().(*[]byte)
	defer drainBuffers.Put(buf)
	for {
		n := c.batch(*buf)
		if n == 0 {
			return
		}
		_ = c.Conn.SetWriteDeadline(time.Now().Add(c.stall))
		_, err := c.Conn.Write((*buf)[:n])
		c.mu.Lock()
		c.queued -= n
		c.large = max(c.large-n, 0) // it came first
		if err != nil {
			c.fail(err)
		}
		c.mu.Unlock()
	}
}

// batch moves the head of the queue into buf and returns how many bytes that
// were. With nothing to move it ends the drainer's turn.
func (c *conn) batch(buf []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for len(c.queue) > 0 && n < len(buf) {
		moved := copy(buf[n:], c.queue[0])
		n += moved
		if moved < len(c.queue[0]) {
			c.queue[0] = c.queue[0][moved:]
			break
		}
		c.queue[0] = nil
		c.queue = c.queue[1:]
	}
	if n == 0 {
		c.draining = false
		c.queue = nil
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
	return n
}

// fail needs c.mu. It drops what is queued and ends the connection at once,
// without leaving the rest to the kernel's buffer.
func (c *conn) fail(err error) {
	if c.broken != nil {
		return
	}
	c.broken = err
	if tooSlow(err) {
		c.tally.slow.Add(1)
	}
	c.queue = nil
	raw := c.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn() // tls.Conn.Close may wait to say goodbye
	}
	if t, ok := raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	raw.Close()
}

// shut sends a close frame unless one is out, and wakes the reader.
func (c *conn) shut(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.put([]byte{finClose, 2, byte(code >> 8), byte(code)}, true) == nil {
		c.closing = true
	}
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
}

// cut ends the connection without a word.
func (c *conn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail(errCut)
}

// failure is why the connection can no longer be written to, or nil; closing
// says whether a close frame is out.
func (c *conn) failure() (closing bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing, c.broken
}

// finish ends the connection after shut or cut and waits for the drainer. With
// linger, what the client still sends is read and dropped for a while: closing
// over unread bytes would reset the connection, and the client might never see
// the close frame. Only the session's goroutine calls it.
func (c *conn) finish(linger bool) {
	c.mu.Lock()
	drained := c.drained
	c.mu.Unlock()
	if drained != nil {
		timer := time.NewTimer(closeWait)
		select {
		case <-drained:
		case <-timer.C:
			c.cut()
		}
		timer.Stop()
		<-drained
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if linger && ok && half.CloseWrite() == nil {
		_ = c.Conn.SetReadDeadline(time.Now().Add(closeWait))
		_, _ = io.Copy(io.Discard, c.Conn)
	}
	c.Conn.Close()
}
