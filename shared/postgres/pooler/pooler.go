// Package pooler is a small connection pooler in transaction mode, for tests of
// what breaks behind one: each transaction of a client runs on the next of a few
// server connections, the start-up message may carry no settings, and the process
// id that a client is told is not the server's. PgBouncer behaves so.
package pooler

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Pooler listens on a loopback port until the test ends.
type Pooler struct {
	target   *pgconn.Config
	listener net.Listener
	servers  chan *server
	mu       sync.Mutex
	open     map[net.Conn]bool // clients; nil once closed
	wg       sync.WaitGroup
}

// server is one connection to PostgreSQL.
type server struct {
	conn     net.Conn
	frontend *pgproto3.Frontend
}

// Start puts a pooler with n server connections before the database of address
// and returns it together with the URL of the way through it.
func Start(t testing.TB, address string, n int) (through string) {
	t.Helper()
	target, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatalf("start pooler: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start pooler: %v", err)
	}
	p := &Pooler{target: target, listener: listener, servers: make(chan *server, n), open: map[net.Conn]bool{}}
	for range n {
		if err := p.dial(); err != nil {
			t.Fatalf("start pooler: %v", err)
		}
	}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("start pooler: %v", err)
	}
	u.Host = listener.Addr().String()
	u.RawQuery = "sslmode=disable"
	return u.String()
}

// dial adds one server connection.
func (p *Pooler) dial() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, p.target)
	if err != nil {
		return err
	}
	h, err := conn.Hijack()
	if err != nil {
		return err
	}
	p.servers <- &server{conn: h.Conn, frontend: h.Frontend}
	return nil
}

// accept serves clients until the listener is closed.
func (p *Pooler) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.open == nil {
			conn.Close()
		} else {
			p.open[conn] = true
			p.wg.Go(func() {
				defer p.forget(conn)
				p.serve(conn)
			})
		}
		p.mu.Unlock()
	}
}

func (p *Pooler) forget(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

// close cuts every client and server connection and waits for the goroutines.
func (p *Pooler) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for conn := range p.open {
		conn.Close()
	}
	p.open = nil
	p.mu.Unlock()
	p.wg.Wait()
	for {
		select {
		case s := <-p.servers:
			s.conn.Close()
		default:
			return
		}
	}
}

// allowed are the start-up parameters that PgBouncer takes by default.
var allowed = map[string]bool{
	"user": true, "database": true, "application_name": true, "client_encoding": true,
	"DateStyle": true, "TimeZone": true, "standard_conforming_strings": true,
}

// greet answers the start-up message.
func greet(conn net.Conn, backend *pgproto3.Backend) error {
	for {
		message, err := backend.ReceiveStartupMessage()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := conn.Write([]byte{'N'}); err != nil {
				return err
			}
		case *pgproto3.StartupMessage:
			for name := range m.Parameters {
				if !allowed[name] {
					backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + name})
					return errors.Join(fmt.Errorf("parameter %s", name), backend.Flush())
				}
			}
			backend.Send(&pgproto3.AuthenticationOk{})
			for name, value := range map[string]string{
				"server_version": "15.0", "client_encoding": "UTF8", "standard_conforming_strings": "on",
				"integer_datetimes": "on", "DateStyle": "ISO, MDY", "TimeZone": "UTC",
			} {
				backend.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
			}
			backend.Send(&pgproto3.BackendKeyData{ProcessID: 1 << 30, SecretKey: []byte{0, 0, 0, 1}})
			backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			return backend.Flush()
		default:
			return errors.New("not a start-up message") // a cancel request, too
		}
	}
}
