//go:build unix

package engineio

import (
	"errors"
	"net"
	"syscall"
)

// attempt writes to a connection as far as the kernel takes bytes now.
type attempt struct {
	raw  syscall.RawConn // nil when the connection is no plain socket (TLS, pipes)
	part partWriter      // a connection that can be asked by itself; else nil
	buf  []byte
	n    int
	err  error
	once func(fd uintptr) bool // step, bound once so that a write allocates nothing
}

func newAttempt(c net.Conn) attempt {
	if part, ok := c.(partWriter); ok {
		return attempt{part: part}
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return attempt{}
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return attempt{}
	}
	return attempt{raw: raw}
}

// write returns how many bytes the kernel took; 0 for a connection that cannot
// be asked. Calls must not overlap, nor run beside another write.
func (a *attempt) write(b []byte) (int, error) {
	if a.part != nil {
		return a.part.WritePart(b)
	}
	if a.raw == nil {
		return 0, nil
	}
	if a.once == nil {
		a.once = a.step
	}
	a.buf, a.n, a.err = b, 0, nil
	err := a.raw.Write(a.once)
	a.buf = nil
	if err != nil {
		return a.n, err
	}
	return a.n, a.err
}

// step always reports that it is done, so that the runtime does not wait for
// the socket to become writable.
func (a *attempt) step(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), a.buf)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil {
			a.n = n
		} else if !errors.Is(err, syscall.EAGAIN) {
			a.err = err
		}
		return true
	}
}
