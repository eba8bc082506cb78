package bench

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/client"
	"github.com/vegascore/vegascore/infra/dev/load/latency"
)

// frameBytes is the size of a message on the wire, without the websocket header.
const frameBytes = 146

// The body of a message is a text: publisher, number and time in fixed places.
var head = []byte(`2["publish","`)

const (
	fromDigits, numberDigits, timeDigits = 3, 10, 19

	numberAt  = fromDigits + 1
	timeAt    = numberAt + numberDigits + 1
	bodyBytes = timeAt + timeDigits
)

// greeter is the publisher of messages that do not count.
const greeter = 999

// crowd is rooms full of sockets, and those who publish to them: publisher i to room
// i, counted round.
type crowd struct {
	rooms      int
	members    []*member
	publishers []*client.Client
	sent       []atomic.Int64 // by publisher
	probes     [][]*member    // the last member of each node, by room
	wake       []chan struct{}
	delays     atomic.Pointer[latency.Histogram]
	bad        atomic.Int64 // packets that nobody sent
}

// member is a socket in the room. Its tracks are the reading goroutine's.
type member struct {
	crowd   *crowd
	room    int
	socket  *client.Client
	greeted atomic.Uint64 // bits by node
	timed   bool          // its delays are counted: those of all would cost too much
	probe   bool          // publishers wait for it
	heard   atomic.Int64  // distinct messages
	from    []track       // by publisher
}

// track is what a member has heard of one publisher.
type track struct {
	count      atomic.Int64 // distinct messages
	top        int64        // the highest number + 1
	had        []uint64     // bits by number
	duplicated int
	unordered  int
}

// gather connects a crowd, each room evenly over the servers.
func gather(ctx context.Context, servers []string, rooms, perRoom, publishers int) (*crowd, error) {
	c := &crowd{rooms: rooms, sent: make([]atomic.Int64, publishers), probes: make([][]*member, rooms)}
	c.delays.Store(&latency.Histogram{})
	for range publishers {
		c.wake = append(c.wake, make(chan struct{}, 1))
	}
	for room := range rooms {
		for i := range perRoom {
			m := &member{crowd: c, room: room, from: make([]track, publishers), timed: len(c.members)%16 == 0}
			if m.probe = i >= perRoom-len(servers); m.probe {
				c.probes[room] = append(c.probes[room], m)
			}
			c.members = append(c.members, m)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan struct{}, 32)
	var wg sync.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { // bounded by ctx
			free <- struct{}{}
			defer func() { <-free }()
			socket, err := client.Dial(ctx, servers[i%perRoom%len(servers)], client.Options{Raw: m.raw})
			if err == nil {
				m.socket = socket
				_, err = socket.Ask(ctx, "join", roomName(m.room))
			}
			if err != nil {
				cancel(fmt.Errorf("member %d: %w", i, err))
			}
		})
	}
	wg.Wait()
	for i := 0; i < max(publishers, len(servers)) && ctx.Err() == nil; i++ { // one on each server at least, to greet
		socket, err := client.Dial(ctx, servers[i%len(servers)], client.Options{})
		if err != nil {
			cancel(fmt.Errorf("publisher %d: %w", i, err))
			break
		}
		c.publishers = append(c.publishers, socket)
	}
	if ctx.Err() != nil {
		c.leave()
		return nil, context.Cause(ctx)
	}
	return c, nil
}

func roomName(n int) string { return fmt.Sprintf("room-%d", n) }

// hears says whether a publisher's messages are for the member.
func (m *member) hears(publisher int) bool { return publisher%m.crowd.rooms == m.room }

// leave closes all sockets.
func (c *crowd) leave() {
	var wg sync.WaitGroup
	for _, m := range c.members {
		if m.socket != nil {
			wg.Go(m.socket.Close)
		}
	}
	for _, p := range c.publishers {
		wg.Go(p.Close)
	}
	wg.Wait()
}

// publish sends one message.
func (c *crowd) publish(from int) error {
	return c.publishers[from].Send("publish", roomName(from%c.rooms), body(from, c.sent[from].Add(1)-1))
}

func body(from int, number int64) string {
	text := fmt.Sprintf("%0*d %0*d %0*d ", fromDigits, from, numberDigits, number, timeDigits, time.Now().UnixNano())
	return text + strings.Repeat("x", max(frameBytes-1-len(head)-len(text)-2, 0))
}

// raw takes a message apart without allocating.
func (m *member) raw(packet []byte) bool {
	text, ok := bytes.CutPrefix(packet, head)
	if !ok || len(text) < bodyBytes {
		return false
	}
	from, number := digits(text[:fromDigits]), digits(text[numberAt:numberAt+numberDigits])
	if from == greeter {
		m.greeted.Or(1 << max(number, 0))
		return true
	}
	if from < 0 || from >= int64(len(m.from)) || !m.hears(int(from)) || number < 0 || number >= m.crowd.sent[from].Load() {
		m.crowd.bad.Add(1)
		return true
	}
	if m.timed {
		m.crowd.delays.Load().Add(time.Duration(time.Now().UnixNano() - digits(text[timeAt:timeAt+timeDigits])))
	}
	if m.from[from].note(number) {
		m.heard.Add(1)
		if !m.probe {
			return true
		}
		select {
		case m.crowd.wake[from] <- struct{}{}:
		default:
		}
	}
	return true
}

// note says whether a number is new.
func (t *track) note(n int64) bool {
	word, bit := int(n/64), uint64(1)<<(n%64)
	for len(t.had) <= word {
		t.had = append(t.had, 0)
	}
	switch {
	case t.had[word]&bit != 0:
		t.duplicated++
		return false
	case n < t.top:
		t.unordered++
	default:
		t.top = n + 1
	}
	t.had[word] |= bit
	t.count.Add(1)
	return true
}

// digits reads a number; -1 if it is none.
func digits(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// flood publishes until ctx ends: every publisher has at most inFlight messages that
// a probe has not heard yet.
func (c *crowd) flood(ctx context.Context, inFlight int64) error {
	return c.each(func(from int) error {
		for ctx.Err() == nil {
			if c.sent[from].Load()-c.slowest(from) >= inFlight {
				select {
				case <-c.wake[from]:
				case <-ctx.Done():
				}
				continue
			}
			if err := c.publish(from); err != nil {
				return err
			}
		}
		return nil
	})
}

// slowest is how many messages of a publisher every probe has heard.
func (c *crowd) slowest(from int) int64 {
	probes := c.probes[from%c.rooms]
	least := probes[0].from[from].count.Load()
	for _, p := range probes[1:] {
		least = min(least, p.from[from].count.Load())
	}
	return least
}

// tick publishes bursts at a rate per second until ctx ends.
func (c *crowd) tick(ctx context.Context, rate, burst int) error {
	return c.each(func(from int) error {
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			for range burst {
				if err := c.publish(from); err != nil {
					return err
				}
			}
		}
	})
}

func (c *crowd) each(run func(from int) error) error {
	errs := make(chan error, len(c.sent))
	for from := range c.sent {
		go func() { errs <- run(from) }() // received below
	}
	var first error
	for range c.sent {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}
