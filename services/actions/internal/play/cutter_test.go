package play

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fate is what becomes of one round trip.
type fate int

const (
	pass      fate = iota
	cutBefore      // the server never sees it
	cutDuring      // it is sent and both sides are cut at once
	cutAfter       // the server does it; its answer is lost
)

// cutter stands between a desk and PostgreSQL and breaks connections at chosen
// places: it follows the frontend's messages and knows which round trip commits.
type cutter struct {
	ln      net.Listener
	backend string
	judge   func(commits bool) fate // for each round trip that runs statements
	cuts    atomic.Int64
	wg      sync.WaitGroup
	mu      sync.Mutex
	open    map[net.Conn]bool
}

// newCutter returns a cutter before the server of rawURL and the URL that goes
// through it. It ends with the test, or with close.
func newCutter(t *testing.T, rawURL string, judge func(commits bool) fate) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, backend: u.Host, judge: judge, open: make(map[net.Conn]bool)}
	c.wg.Go(c.accept) // ends when the listener is closed
	t.Cleanup(c.close)
	u.Host = ln.Addr().String()
	u.RawQuery = "sslmode=disable"
	return c, u.String()
}

func (c *cutter) accept() {
	for {
		front, err := c.ln.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", c.backend)
		if err != nil {
			front.Close()
			continue
		}
		c.mu.Lock()
		c.open[front], c.open[back] = true, true
		c.mu.Unlock()
		p := &pair{cutter: c, front: front, back: back, names: make(map[string]string)}
		c.wg.Go(func() { p.forward(); p.close() }) // both end when either side closes
		c.wg.Go(func() { p.answer(); p.close() })
	}
}

// close cuts everything and refuses connections from now on.
func (c *cutter) close() {
	_ = c.ln.Close()
	c.mu.Lock()
	for conn := range c.open {
		conn.Close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// pair is one connection through the cutter.
type pair struct {
	cutter      *cutter
	front, back net.Conn
	names       map[string]string // prepared statements
	swallow     atomic.Bool       // the next answer does not reach the client
}

func (p *pair) close() {
	p.front.Close()
	p.back.Close()
	p.cutter.mu.Lock()
	defer p.cutter.mu.Unlock()
	delete(p.cutter.open, p.front)
	delete(p.cutter.open, p.back)
}

// forward passes on what the client sends, one round trip at a time.
func (p *pair) forward() {
	in := bufio.NewReader(p.front)
	startup := make([]byte, 4)
	if _, err := io.ReadFull(in, startup); err != nil {
		return
	}
	rest := make([]byte, binary.BigEndian.Uint32(startup)-4)
	if _, err := io.ReadFull(in, rest); err != nil {
		return
	}
	if _, err := p.back.Write(append(startup, rest...)); err != nil {
		return
	}
	var trip []byte
	var runs, commits bool
	for {
		kind, message, err := readMessage(in)
		if err != nil {
			return
		}
		trip = append(trip, message...)
		switch kind {
		case 'P': // Parse: name, text
			if fields := bytes.SplitN(message[5:], []byte{0}, 3); len(fields) == 3 {
				p.names[string(fields[0])] = string(fields[1])
			}
		case 'B': // Bind: portal, name
			if fields := bytes.SplitN(message[5:], []byte{0}, 3); len(fields) == 3 {
				runs = true
				commits = commits || strings.EqualFold(p.names[string(fields[1])], "COMMIT")
			}
		}
		if kind != 'S' && kind != 'Q' && kind != 'p' && kind != 'X' {
			continue
		}
		if !p.send(trip, runs, commits) {
			return
		}
		trip, runs, commits = nil, false, false
	}
}

// send passes a round trip on, as its fate is, and reports whether the connection lives.
func (p *pair) send(trip []byte, runs, commits bool) bool {
	end := pass
	if runs {
		end = p.cutter.judge(commits)
	}
	if end != pass {
		p.cutter.cuts.Add(1)
	}
	switch end {
	case cutBefore:
		return false
	case cutDuring:
		_, _ = p.back.Write(trip)
		return false
	case cutAfter:
		p.swallow.Store(true)
	}
	_, err := p.back.Write(trip)
	return err == nil
}

// answer passes on what the server sends, or reads it to its end and cuts.
func (p *pair) answer() {
	out := bufio.NewReader(p.back)
	for {
		kind, message, err := readMessage(out)
		if err != nil {
			return
		}
		if !p.swallow.Load() {
			if _, err := p.front.Write(message); err != nil {
				return
			}
		} else if kind == 'Z' { // ReadyForQuery: it is done
			return
		}
	}
}

func readMessage(r *bufio.Reader) (kind byte, message []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
	_, err = io.ReadFull(r, body)
	return head[0], append(head, body...), err
}
