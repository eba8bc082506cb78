package cluster

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// counter is a namespace in room "r" that counts.
type counter struct {
	socketio.Local // what is not asked of it
	delivered      chan struct{}
}

func (c *counter) Name() string               { return "/" }
func (c *counter) HasRoom(room string) bool   { return room == "r" }
func (c *counter) Rooms() []string            { return []string{"r"} }
func (c *counter) Deliver(socketio.Broadcast) { c.delivered <- struct{}{} }

func benchContainer(b *testing.B, c *counter) *bus {
	b.Helper()
	publish, subscribe, err := redisconn.OpenPair(redistest.Server(b).URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	r := NewRedis(publish, subscribe, Options{}, quietLog)
	opened, err := r.Open(c)
	if err != nil {
		b.Fatal(err)
	}
	startBench(b, r.Run)
	for !r.Status().Connected {
		runtime.Gosched()
	}
	return opened.(*bus)
}

// From Append through Redis to Deliver, as fast as it goes: with 256 under way.
func BenchmarkAppendToDeliver(b *testing.B) {
	c := &counter{delivered: make(chan struct{}, 1<<20)}
	bus := benchContainer(b, c)
	m := socketio.Broadcast{Packet: event(`["round",{"id":"01a205d6-75a5-70a8-86b5-c46ba0c1fb6c","stake":100,"payout":250,"player":"Ada"}]`), Rooms: []string{"r"}}
	b.ReportAllocs()
	under := 0
	for b.Loop() {
		if err := bus.Append(m); err != nil {
			b.Fatal(err)
		}
		if under++; under == 256 {
			<-c.delivered
			under--
		}
	}
	for ; under > 0; under-- {
		<-c.delivered
	}
}

// A message for a room of other containers: counted, kept for those who come here,
// and not decoded.
func BenchmarkForeignMessage(b *testing.B) {
	c := &counter{}
	j := newJournal(nil, c, "socket.io#/#", nil, nil, journalOptions{}, quietLog)
	j.head = broadcast.Head{Epoch: "abcdefgh"}
	bus := &bus{base: base{journal: j, ns: c, channel: "socket.io#/#"}}
	payload, err := encodeBroadcast("uid", "/", socketio.Broadcast{Packet: event(`["round",{"id":"01a205d6-75a5-70a8-86b5-c46ba0c1fb6c","stake":100,"payout":250}]`), Rooms: []string{"t"}})
	if err != nil {
		b.Fatal(err)
	}
	payload[0]++
	messages := make([]string, 4096)
	b.ReportAllocs()
	for n, at := uint64(0), 0; b.Loop(); at++ {
		if at %= len(messages); at == 0 {
			b.StopTimer()
			for i := range messages {
				n++
				messages[i] = fmt.Sprintf("%s\xd9\x30vl1-abcdefgh%016dijklmnop%012d", payload, n, n)
			}
			b.StartTimer()
		}
		bus.onBroadcast("socket.io#/#t#", messages[at])
	}
}
