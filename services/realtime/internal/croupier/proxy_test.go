package croupier

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// proxy stands between a container and Redis, and can swallow everything: a network that
// is cut without a word.
type proxy struct {
	target string
	l      net.Listener
	wg     sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts, err := redis.ParseURL(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: opts.Addr, l: l}
	p.wg.Go(p.accept) // ends with the listener
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.l.Addr().String() }

// set cuts the network or mends it. What was swallowed is lost.
func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

func (p *proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(client, server) }) // both end with either connection
		p.wg.Go(func() { p.copy(server, client) })
	}
}

func (p *proxy) copy(from, to net.Conn) {
	_, _ = io.Copy(filter{p, to}, from) // either end has gone
	_ = from.Close()
	_ = to.Close()
}

type filter struct {
	*proxy
	to net.Conn
}

func (f filter) Write(b []byte) (int, error) {
	f.mu.Lock()
	cut := f.cut
	f.mu.Unlock()
	if cut {
		return len(b), nil
	}
	return f.to.Write(b)
}
