package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// moment is when a process dies, seen from one request to the server.
type moment int

// The moments. A request is the opening of the session, a query, or a synchronised
// group of messages.
const (
	before moment = iota // the server has not got the request
	during               // the server has it, and may be at work when the session breaks
	after                // the server has answered, and nobody has read that
	moments
)

func (m moment) String() string { return [...]string{"before", "during", "after"}[m] }

// proxy stands between a process and the server and counts its requests. At the one
// numbered at it calls kill and passes nothing on any more.
type proxy struct {
	listener net.Listener
	server   string
	at       int // 0: never
	moment   moment
	kill     func()
	sessions sync.WaitGroup

	mu       sync.Mutex
	requests int
}

// through starts a proxy before the server of address and returns the way through it.
func through(t *testing.T, address string, p *proxy) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	p.server = net.JoinHostPort(config.Host, u.Port())
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.sessions.Go(p.accept) // until the listener is closed
	u.Host = p.listener.Addr().String()
	return u.String()
}

// close ends the proxy and returns how many requests there were.
func (p *proxy) close() int {
	_ = p.listener.Close()
	p.sessions.Wait()
	return p.requests
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.sessions.Go(func() { // until either side hangs up
			defer func() { _ = client.Close() }()
			if server, err := net.Dial("tcp", p.server); err == nil {
				p.session(client, server)
			}
		})
	}
}

var errKilled = errors.New("killed")

// session passes requests and answers on.
func (p *proxy) session(client, server net.Conn) {
	var answers sync.WaitGroup
	var dying sync.Mutex // held while the process is killed: no answer gets past
	dead := false
	first := make(chan struct{}, 1) // the server has answered something
	answers.Go(func() {             // until the server's end is closed
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			select {
			case first <- struct{}{}:
			default:
			}
			dying.Lock()
			if err == nil && !dead {
				_, err = client.Write(buffer[:n])
			}
			dying.Unlock()
			if err != nil {
				return
			}
		}
	})
	end := func() error {
		dead = true
		p.kill()
		return errKilled
	}
	in := bufio.NewReader(client)
	var err error
	for opening := true; err == nil; opening = false {
		var request []byte
		if request, err = read(in, opening); err != nil {
			break
		}
		p.mu.Lock()
		p.requests++
		hit := p.requests == p.at
		p.mu.Unlock()
		if !hit {
			_, err = server.Write(request)
			continue
		}
		dying.Lock()
		select {
		case <-first: // of a request before
		default:
		}
		if p.moment > before {
			_, _ = server.Write(request)
		}
		if p.moment == after {
			<-first
		}
		err = end()
		dying.Unlock()
	}
	_ = server.Close()
	answers.Wait()
}

// read returns the messages up to the end of a request: the first one, which has no type,
// a query, a Sync, or a Terminate.
func read(in *bufio.Reader, opening bool) (request []byte, err error) {
	for {
		kind := byte('Q')
		if !opening {
			if kind, err = in.ReadByte(); err != nil {
				return nil, err
			}
			request = append(request, kind)
		}
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return nil, err
		}
		body := make([]byte, binary.BigEndian.Uint32(size[:])-4)
		if _, err := io.ReadFull(in, body); err != nil {
			return nil, err
		}
		request = append(append(request, size[:]...), body...)
		if kind == 'Q' || kind == 'S' || kind == 'X' || kind == 'p' {
			return request, nil
		}
	}
}
