package postgres_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// line is the way to a server. Cut, it takes everything and passes on nothing, as a
// network does whose other side has gone without a word.
type line struct {
	mu   sync.Mutex
	cut  chan struct{} // closed while it passes on
	open []net.Conn
	ends bool
}

// newLine returns a line to the server of address, and the address that leads over it.
func newLine(t *testing.T, address string) (*line, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{cut: make(chan struct{})}
	close(l.cut)
	server := u.Host
	var wg sync.WaitGroup
	wg.Go(func() { // ends with the listener
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			if !l.keep(client, to) {
				return
			}
			wg.Go(func() { l.pass(client, to) }) // both end with the connections
			wg.Go(func() { l.pass(to, client) })
		}
	})
	t.Cleanup(func() {
		l.restore()
		_ = listener.Close()
		l.mu.Lock()
		l.ends = true
		for _, conn := range l.open {
			conn.Close()
		}
		l.mu.Unlock()
		wg.Wait()
	})
	u.Host = listener.Addr().String()
	return l, u.String()
}

func (l *line) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, conns...)
	if l.ends {
		for _, conn := range conns {
			conn.Close()
		}
	}
	return !l.ends
}

func (l *line) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		passes := l.cut
		l.mu.Unlock()
		<-passes
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (l *line) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = make(chan struct{})
}

func (l *line) restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.cut:
	default:
		close(l.cut)
	}
}

func TestCallersOfASilentServerAreTurnedAwayAtOnce(t *testing.T) {
	t.Parallel()
	way, address := newLine(t, pgtest.New(t).URL)
	db := open(t, postgres.Config{URL: address, ConnectTimeout: 500 * time.Millisecond})
	ctx := context.Background()
	if err := db.Check(ctx); err != nil {
		t.Fatal(err)
	}
	way.silence()
	began := time.Now()
	stuck, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := db.Check(stuck); !errors.Is(postgres.Problem(err), problem.New(0, problem.Unavailable, "")) {
		t.Errorf("a statement without an answer: %v", err)
	}
	eventually(t, 20*time.Second, func() error {
		if !db.Away() {
			return errors.New("nobody has noticed")
		}
		return nil
	})
	t.Logf("noticed after %s", time.Since(began))
	began = time.Now()
	for range 100 {
		if err := db.Check(ctx); !errors.Is(err, postgres.ErrNoConnection) {
			t.Fatalf("got %v, want %v", err, postgres.ErrNoConnection)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("100 callers were turned away in %s", took)
	}
	if away := db.Details()["away"]; away != true {
		t.Errorf("details say away = %v", away)
	}
	way.restore()
	began = time.Now()
	eventually(t, 20*time.Second, func() error { return db.Check(ctx) })
	t.Logf("healed after %s", time.Since(began))
}

// A statement that is slow by itself tells nothing about the server.
func TestASlowStatementTurnsNobodyAway(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.New(t).URL})
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if _, err := db.Exec(ctx, "SELECT pg_sleep(1)"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		cancel()
		if err := db.Check(context.Background()); err != nil {
			t.Errorf("another caller: %v", err)
		}
	}
}
