package faults

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
)

// cutter is a bad line between a service and PostgreSQL: it breaks connections at the
// commit of a bet, in the way that choose says.
type cutter struct {
	server string
	choose func() cut
	cuts   [3]atomic.Int64 // by cut, without whole
	seen   atomic.Int64    // commits

	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

// cut is what happens to a COMMIT.
type cut int

const (
	unsent     cut = iota // it never reaches the server
	unseen                // both sides are cut while it is on its way
	unanswered            // the server commits, and its answer is lost
	whole                 // nothing happens
)

// newCutter stands before the server of address until the test ends and returns the
// address that leads through it.
func newCutter(t *testing.T, address string, choose func() cut) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{server: u.Host, choose: choose}
	if c.listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c.wg.Go(c.serve) // ends with the listener
	t.Cleanup(func() {
		_ = c.listener.Close() // serve may have seen its end
		c.mu.Lock()
		for _, conn := range c.open {
			conn.Close()
		}
		c.mu.Unlock()
		c.wg.Wait()
	})
	u.Host = c.listener.Addr().String()
	return c, u.String()
}

func (c *cutter) serve() {
	for {
		service, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout("tcp", c.server, platform.Patience)
		if err != nil {
			service.Close()
			continue
		}
		c.mu.Lock()
		c.open = append(c.open, service, server)
		c.mu.Unlock()
		var last atomic.Bool // what the server says next is not passed on
		end := sync.OnceFunc(func() { service.Close(); server.Close() })
		c.wg.Go(func() { defer end(); c.ask(service, server, &last) }) // both end when either side does
		c.wg.Go(func() { defer end(); reply(server, service, &last) })
	}
}

// ask passes on what the service says, message by message, a round trip at a time.
func (c *cutter) ask(service, server net.Conn, last *atomic.Bool) {
	commits := map[string]bool{} // prepared statements that are a COMMIT
	first, err := message(service, 0)
	if err != nil {
		return
	}
	if _, err := server.Write(first); err != nil {
		return
	}
	var trip []byte
	found := false
	for {
		m, err := message(service, 1)
		if err != nil {
			return
		}
		trip = append(trip, m...)
		texts := bytes.SplitN(m[5:], []byte{0}, 3)
		switch {
		case m[0] == 'P' && len(texts) == 3: // Parse: name, statement
			commits[string(texts[0])] = bytes.EqualFold(texts[1], []byte("COMMIT"))
		case m[0] == 'B' && len(texts) == 3: // Bind: portal, name
			found = found || commits[string(texts[1])]
		}
		if m[0] != 'S' && m[0] != 'Q' && m[0] != 'X' && m[0] != 'p' {
			continue
		}
		how := whole
		if found {
			c.seen.Add(1)
			if how = c.choose(); how != whole {
				c.cuts[how].Add(1)
			}
		}
		if how == unsent {
			return
		}
		last.Store(how == unanswered)
		if _, err := server.Write(trip); err != nil || how == unseen {
			return
		}
		trip, found = nil, false
	}
}

// reply passes on what the server says, until an answer is to be lost: that is read to
// its end, so that the server has done its work.
func reply(server, service net.Conn, last *atomic.Bool) {
	for {
		m, err := message(server, 1)
		if err != nil {
			return
		}
		if last.Load() {
			if m[0] == 'Z' { // ready for the next query
				return
			}
			continue
		}
		if _, err := service.Write(m); err != nil {
			return
		}
	}
}

// message reads one message whose length follows kind bytes: 1, or 0 for the first one
// of a connection.
func message(from io.Reader, kind int) ([]byte, error) {
	head := make([]byte, kind+4)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	whole := append(head, make([]byte, binary.BigEndian.Uint32(head[kind:])-4)...)
	_, err := io.ReadFull(from, whole[kind+4:])
	return whole, err
}
