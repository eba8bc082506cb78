package bench

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"
)

// line is the network between a service and PostgreSQL in another zone: what the
// service writes arrives later. Silent, it passes on nothing and closes nothing.
type line struct {
	listener net.Listener
	server   string
	delay    time.Duration
	wg       sync.WaitGroup

	mu     sync.Mutex
	passes chan struct{} // closed while it passes on
	open   []net.Conn
	ended  bool
}

// newLine returns a line to the server of address, and the address that leads over it.
// The caller closes it.
func newLine(ctx context.Context, address string, delay time.Duration) (*line, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", fmt.Errorf("open a line: %w", err)
	}
	l := &line{server: u.Host, delay: delay, passes: make(chan struct{})}
	close(l.passes)
	if l.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, "", fmt.Errorf("open a line: %w", err)
	}
	l.wg.Go(l.serve) // ends with the listener
	u.Host = l.listener.Addr().String()
	return l, u.String(), nil
}

func (l *line) serve() {
	for {
		service, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout("tcp", l.server, 5*time.Second)
		if err != nil {
			service.Close()
			continue
		}
		l.mu.Lock()
		l.open = append(l.open, service, server)
		if l.ended {
			service.Close()
			server.Close()
		}
		l.mu.Unlock()
		l.wg.Go(func() { l.pass(service, server, l.delay) }) // both end with the connections
		l.wg.Go(func() { l.pass(server, service, 0) })
	}
}

func (l *line) pass(from, to net.Conn, delay time.Duration) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		passes := l.passes
		l.mu.Unlock()
		<-passes
		if delay > 0 {
			<-time.After(delay)
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (l *line) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passes = make(chan struct{})
}

// close ends all connections and waits for the goroutines.
func (l *line) close() {
	_ = l.listener.Close() // nothing more is needed of it
	l.mu.Lock()
	l.ended = true
	select {
	case <-l.passes:
	default:
		close(l.passes)
	}
	for _, conn := range l.open {
		conn.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
