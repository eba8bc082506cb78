//go:build unix

package engineio

import (
	"net"
	"syscall"
	"testing"
)

// bare opens a session and keeps nothing of the client but the descriptor of
// its socket, which costs this process no memory.
func (r *rig) bare(b *testing.B) int {
	b.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		b.Fatalf("dial: %v", err)
	}
	defer conn.Close()
	c := upgraded(b, conn, "EIO=4&transport=websocket")
	c.text(b)
	<-r.accepted
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		b.Fatalf("reach the socket: %v", err)
	}
	fd := -1
	if refused := raw.Control(func(open uintptr) { fd, err = syscall.Dup(int(open)) }); refused != nil || err != nil {
		b.Fatalf("duplicate the socket: %v, %v", refused, err)
	}
	return fd
}

// BenchmarkIdleMemory reports what one idle session keeps after a collection:
// heap and stack of the server, the headers of a small handshake included.
func BenchmarkIdleMemory(b *testing.B) {
	const sessions = 2000
	for b.Loop() {
		r := start(b, Options{}, nil)
		before := heap()
		var fds []int
		for range sessions {
			fds = append(fds, r.bare(b))
		}
		b.ReportMetric((heap()-before)/sessions/1024, "KiB/session")
		if got := r.Len(); got != sessions {
			b.Errorf("%d sessions, want %d", got, sessions)
		}
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
		until(b, "all sessions have ended", func() bool { return r.Len() == 0 })
	}
}
