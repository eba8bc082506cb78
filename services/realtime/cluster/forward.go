package cluster

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// backlog is how many streams may wait to be accepted.
const backlog = 1024

// maxChunks is how many pieces of a stream wait unread before they are made one.
const maxChunks = 64

// stream is a net.Conn to another container. One goroutine may read and one may write at
// a time; the other methods may be called by any.
type stream struct {
	link     *link
	id       uint32
	readable chan struct{} // holds one token: something changed for the reader
	writable chan struct{} // and for the writer

	// Guarded by link.mu.
	chunks [][]byte // not read yet; shared, so not to be changed
	unread int      // their bytes
	taken  int      // bytes that were read, and the other one was not told
	room   int      // bytes that the other one takes
	fin    bool     // nothing more comes
	ended  bool     // and nothing more is read there
	mute   bool     // nothing more goes out
	closed bool
	err    error // why the stream broke

	readBy, writeBy time.Time
}

func newStream(l *link, id uint32) *stream {
	return &stream{link: l, id: id, room: window, readable: make(chan struct{}, 1), writable: make(chan struct{}, 1)}
}

// push takes what the other one sent. It returns false when that is more than it may
// send. link.mu is held.
func (s *stream) push(data []byte) bool {
	if s.closed || s.fin || len(data) == 0 {
		return true
	}
	if s.unread += len(data); s.unread+s.taken > window {
		return false
	}
	s.chunks = append(s.chunks, data)
	if len(s.chunks) > maxChunks {
		s.chunks = [][]byte{bytes.Join(s.chunks, nil)}
	}
	signal(s.readable)
	return true
}

// wakeAll makes who waits look again. link.mu is held.
func (s *stream) wakeAll() {
	signal(s.readable)
	signal(s.writable)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // the token is there already
	}
}

// await waits for a token or the deadline.
func await(c <-chan struct{}, deadline time.Time) {
	if deadline.IsZero() {
		<-c
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
	}
}

func passed(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// next waits for unread data and returns the first of it, which stays unread.
func (s *stream) next() ([]byte, error) {
	for {
		s.link.mu.Lock()
		by := s.readBy
		switch {
		case s.closed:
			s.link.mu.Unlock()
			return nil, net.ErrClosed
		case passed(by):
			s.link.mu.Unlock()
			return nil, os.ErrDeadlineExceeded
		case len(s.chunks) > 0:
			chunk := s.chunks[0]
			s.link.mu.Unlock()
			return chunk, nil
		case s.err != nil:
			s.link.mu.Unlock()
			return nil, s.err
		case s.fin:
			s.link.mu.Unlock()
			return nil, io.EOF
		}
		s.link.mu.Unlock()
		await(s.readable, by)
	}
}

// advance marks n bytes of the first unread data as read. The other one is told when
// that is worth a message.
func (s *stream) advance(n int) {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if len(s.chunks) == 0 { // closed meanwhile
		return
	}
	if s.chunks[0] = s.chunks[0][n:]; len(s.chunks[0]) == 0 {
		s.chunks[0] = nil
		if s.chunks = s.chunks[1:]; len(s.chunks) == 0 {
			s.chunks = nil
		}
	}
	s.unread -= n
	if s.taken += n; s.taken >= window/2 && !s.fin && s.err == nil {
		s.link.pack().credit(s.id, s.taken)
		s.taken = 0
	}
}

// Read implements net.Conn.
func (s *stream) Read(p []byte) (int, error) {
	chunk, err := s.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, chunk)
	s.advance(n)
	return n, nil
}

// WriteTo implements io.WriterTo: it needs no buffer while it waits.
func (s *stream) WriteTo(w io.Writer) (written int64, err error) {
	for {
		chunk, err := s.next()
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(chunk)
		s.advance(n)
		if written += int64(n); err != nil {
			return written, err
		}
	}
}

// WritePart writes as much of b as the other container takes now.
func (s *stream) WritePart(b []byte) (int, error) {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.err != nil:
		return 0, s.err
	case s.ended || s.mute:
		return 0, io.ErrClosedPipe
	}
	n := min(len(b), s.room)
	if n > 0 {
		s.room -= n
		s.link.pack().bytes(s.id, b[:n])
	}
	return n, nil
}

// Write implements net.Conn.
func (s *stream) Write(b []byte) (written int, err error) {
	for {
		s.link.mu.Lock()
		by := s.writeBy
		s.link.mu.Unlock()
		if passed(by) {
			return written, os.ErrDeadlineExceeded
		}
		n, err := s.WritePart(b[written:])
		if written += n; err != nil || written == len(b) {
			return written, err
		}
		await(s.writable, by)
	}
}

// CloseWrite says that nothing more is written. Reading goes on.
func (s *stream) CloseWrite() error {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if !s.mute && !s.ended && !s.closed && s.err == nil {
		s.link.pack().frame(frameFin, s.id)
	}
	s.mute = true
	return nil
}

// Close implements net.Conn. What was written before is still sent.
func (s *stream) Close() error {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.chunks, s.unread = nil, 0
	if !s.ended && s.err == nil {
		s.link.pack().frame(frameEnd, s.id)
		delete(s.link.streams, s.id)
	}
	s.wakeAll()
	return nil
}

// SetDeadline implements net.Conn.
func (s *stream) SetDeadline(t time.Time) error { return s.setDeadlines(&t, &t) }

// SetReadDeadline implements net.Conn.
func (s *stream) SetReadDeadline(t time.Time) error { return s.setDeadlines(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadlines(nil, &t) }

func (s *stream) setDeadlines(read, write *time.Time) error {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if read != nil {
		s.readBy = *read
		signal(s.readable)
	}
	if write != nil {
		s.writeBy = *write
		signal(s.writable)
	}
	return nil
}

// LocalAddr implements net.Conn.
func (s *stream) LocalAddr() net.Addr { return address(s.link.control.Tag()) }

// RemoteAddr implements net.Conn.
func (s *stream) RemoteAddr() net.Addr { return address(s.link.peer) }

// address is a container's tag.
type address string

func (address) Network() string  { return "redis" }
func (a address) String() string { return string(a) }

// listener hands out the streams that others open.
type listener struct {
	incoming chan net.Conn
	done     chan struct{}
	mu       sync.Mutex
	closed   bool
}

func newListener() *listener {
	return &listener{incoming: make(chan net.Conn, backlog), done: make(chan struct{})}
}

// offer reports whether a stream will be accepted. It does not wait.
func (l *listener) offer(s *stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	select {
	case l.incoming <- s:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case s := <-l.incoming:
		return s, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Streams that were accepted go on.
func (l *listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.done)
	for {
		select {
		case s := <-l.incoming:
			_ = s.Close()
		default:
			return nil
		}
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return address("") }
