//go:build !unix

package engineio

import "net"

// attempt writes nothing where sockets cannot be asked: every write is queued.
type attempt struct{ part partWriter }

func newAttempt(c net.Conn) attempt {
	part, _ := c.(partWriter)
	return attempt{part: part}
}

func (a *attempt) write(b []byte) (int, error) {
	if a.part == nil {
		return 0, nil
	}
	return a.part.WritePart(b)
}
