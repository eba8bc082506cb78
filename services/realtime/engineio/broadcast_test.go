package engineio

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// audience connects n clients that read and drop everything.
func audience(b *testing.B, r *rig, n int) []*Session {
	b.Helper()
	sessions := make([]*Session, n)
	for i := range sessions {
		c, h := r.connect(b)
		sessions[i] = h.session
		_ = c.SetDeadline(time.Time{})
		go func() { _, _ = io.Copy(io.Discard, c.Conn) }() // ends with the connection
	}
	return sessions
}

// BenchmarkBroadcast sends a frame of 146 bytes to a room of 500: one at a time,
// and ten joined in one write. The figure that matters is ns/delivery; it holds
// the clients' reading too.
func BenchmarkBroadcast(b *testing.B) {
	for _, bench := range []struct {
		name string
		join int
	}{{"single", 1}, {"joined-10", 10}} {
		b.Run(bench.name, func(b *testing.B) {
			const members = 500
			r := start(b, Options{QueueLimit: 64 << 20}, nil)
			room := audience(b, r, members)
			frames := make([]*Frame, bench.join)
			for i := range frames {
				frames[i] = NewFrame(Message{Data: []byte(strings.Repeat("m", 141))})
			}
			b.ReportAllocs()
			for b.Loop() {
				buffer := Join(frames...)
				for _, s := range room {
					if !s.Send(buffer) {
						b.Fatal("a member was cut")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members*bench.join), "ns/delivery")
		})
	}
}

// BenchmarkConnect is the cost of a handshake, both ends, and the memory that
// an idle session keeps after a collection, the client's side left out.
func BenchmarkConnect(b *testing.B) {
	r := start(b, Options{}, nil)
	conns := make([]net.Conn, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		c, _ := r.connect(b)
		conns = append(conns, c.Conn)
		if len(conns) == cap(conns) {
			b.StopTimer()
			drop(b, r, conns)
			conns = conns[:0]
			b.StartTimer()
		}
	}
	drop(b, r, conns)
}

func drop(b *testing.B, r *rig, conns []net.Conn) {
	b.Helper()
	for _, c := range conns {
		c.Close()
	}
	until(b, "all sessions have ended", func() bool { return r.Len() == 0 })
}

// heap is the memory that lives after a collection, stacks included.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
