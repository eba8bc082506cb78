package cluster

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// BenchmarkTunnel delivers broadcasts of 146 bytes to 500 websockets of one room, which
// are connected to the container that owns their sessions, or all to another one. The
// figures are of both containers and of the clients, which are in this process, per
// delivery; the difference between the two is what a tunnel costs.
func BenchmarkTunnel(b *testing.B) {
	for _, way := range []string{"direct", "tunnel"} {
		b.Run(way, func(b *testing.B) {
			address := redistest.Server(b).URL
			owner, ownerWeb := benched(b, address)
			_, edgeWeb := benched(b, address)
			at := ownerWeb
			if way == "tunnel" {
				at = edgeWeb
			}
			const sockets, flight = 500, 8
			var received sync.WaitGroup
			before := memory()
			for range sockets {
				ws := upgraded(b, ownerWeb.URL, at.URL)
				b.Cleanup(func() { _ = ws.Close() })
				go func() { // ends with the websocket
					for {
						if _, r, err := ws.NextReader(); err != nil {
							return
						} else if n, err := io.Copy(io.Discard, r); err != nil {
							return
						} else if n > 100 {
							received.Done()
						}
					}
				}()
			}
			b.ReportMetric(float64(memory()-before)/sockets/1024, "KiB/socket")
			room := owner.Of("/").To("all").Local()
			text := strings.Repeat("x", 120)
			cpu := used()
			for i := range b.N {
				received.Add(sockets)
				if err := room.Emit("event", text); err != nil {
					b.Fatal(err)
				}
				if i%flight == flight-1 || i == b.N-1 {
					received.Wait()
				}
			}
			b.ReportMetric(float64((used()-cpu).Nanoseconds())/float64(b.N*sockets), "cpu-ns/delivery")
		})
	}
}

// benched starts a container whose sockets are all in one room.
func benched(b *testing.B, address string) (*socketio.Server, *httptest.Server) {
	b.Helper()
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	c := NewControl(publish, subscribe, ControlOptions{}, discard)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	srv := socketio.New(socketio.Options{Logger: discard, Engine: engineio.Options{
		Transports: []string{"polling", "websocket"}, Forwarder: c, Logger: discard,
	}})
	srv.Of("/").OnConnect(func(s *socketio.Socket) { s.Join("all") })
	web := httptest.NewServer(srv)
	b.Cleanup(func() {
		if err := srv.Shutdown(ctx, 0); err != nil {
			b.Error(err)
		}
		web.Close()
	})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for whole := false; !whole; <-tick.C {
		whole, _ = c.subscriber.status(&Status{})
	}
	return srv, web
}

// upgraded opens a polling session at one container and its websocket at another.
func upgraded(b testing.TB, owner, at string) *websocket.Conn {
	b.Helper()
	const query = "/socket.io/?EIO=4&transport="
	answer, err := http.Get(owner + query + "polling")
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	var hello struct{ SID string }
	if err != nil || json.Unmarshal(body[1:], &hello) != nil {
		b.Fatalf("handshake: %s, %v", body, err)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(at, "http")+query+"websocket&sid="+hello.SID, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{"2probe", "5", "40"} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			b.Fatal(err)
		}
	}
	for { // until the namespace has answered
		_, text, err := ws.ReadMessage()
		if err != nil {
			b.Fatal(err)
		}
		if strings.HasPrefix(string(text), "40") {
			return ws
		}
	}
}

// used is the time that this process has computed.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory is what is in use after a collection, stacks included.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
