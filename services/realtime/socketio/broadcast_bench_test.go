package socketio

import (
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// nowhere is a session that takes everything.
type nowhere struct{}

func (nowhere) Send(*engineio.Frame) bool { return true }
func (nowhere) Writable() bool            { return true }
func (nowhere) Close(engineio.Reason)     {}

// BenchmarkEmit emits to a room of 50 that nothing is written to, with and without
// recovery: what one broadcast costs besides the system calls. Direct is
// Socket.Emit.
func BenchmarkEmit(b *testing.B) {
	for name, recovery := range map[string]time.Duration{"plain": 0, "recovery": time.Minute} {
		srv := newServer(Options{Recovery: recovery})
		ns := srv.Of("/")
		for range 50 {
			c := newClient(srv, nowhere{}, new(engineio.Handshake))
			c.Message([]byte("0"), false)
			b.Cleanup(func() { c.Closed(engineio.TransportClose) })
		}
		srv.workers.Wait()
		sockets := ns.Sockets("")
		for _, s := range sockets {
			s.Join("r")
		}
		args := map[string]any{"round": 1, "payout": 2500}
		for kind, emit := range map[string]func() error{
			"room":     func() error { return ns.To("r").Emit("round", args) },
			"volatile": func() error { return ns.To("r").Volatile().Emit("round", args) },
			"direct":   func() error { return sockets[0].Emit("round", args) },
		} {
			b.Run(fmt.Sprint(kind, "/", name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := emit(); err != nil {
						b.Fatal(err)
					}
				}
				srv.flushers.Wait()
			})
		}
	}
}
