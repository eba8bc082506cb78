package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line stands between a service and PostgreSQL. Once armed it goes silent in the middle of
// the next bet, whose player's account is locked then: both sides stay connected, and
// nothing gets through any more.
type line struct {
	listener net.Listener
	server   string
	armed    atomic.Bool
	silent   atomic.Bool
	since    atomic.Int64 // Unix time in ns when it went silent
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// newLine returns a line before the server of address and the address that leads through
// it. It ends with the test.
func newLine(t *testing.T, address string) (*line, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{server: u.Host, open: map[net.Conn]bool{}}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.wg.Go(l.accept) // ends with the listener
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.cut()
		l.wg.Wait()
	})
	u.Host = l.listener.Addr().String()
	return l, u.String()
}

func (l *line) accept() {
	for {
		front, err := l.listener.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", l.server)
		if err != nil {
			front.Close()
			continue
		}
		l.mu.Lock()
		l.open[front], l.open[back] = true, true
		l.mu.Unlock()
		end := sync.OnceFunc(func() { front.Close(); back.Close() })
		l.wg.Go(func() { defer end(); l.ask(front, back) }) // both end when either side closes
		l.wg.Go(func() { defer end(); l.answer(front, back) })
	}
}

// cut ends every connection; new ones are let through as before.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		conn.Close()
		delete(l.open, conn)
	}
}

// heal lets everything through again.
func (l *line) heal() {
	l.silent.Store(false)
	l.cut()
}

// ask passes on what the service says.
func (l *line) ask(front, back net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := front.Read(buf)
		if err != nil {
			if l.silent.Load() { // the server does not hear of the end either
				_, _ = io.Copy(io.Discard, back)
			}
			return
		}
		if l.silent.Load() {
			continue
		}
		if _, err := back.Write(buf[:n]); err != nil {
			return
		}
	}
}

// newBet is how the row begins with which play_claim lets a bet be played: its columns, and
// the first of them.
var newBet = []byte("\x00\x0c\x00\x00\x00\x03new")

// answer passes on what the server says, message by message: it says that a bet is claimed,
// and then that the transaction is open and waits for its next statement.
func (l *line) answer(front, back net.Conn) {
	in, claimed := bufio.NewReader(back), false
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		message := append(head, make([]byte, binary.BigEndian.Uint32(head[1:])-4)...)
		if _, err := io.ReadFull(in, message[5:]); err != nil {
			return
		}
		const dataRow, readyForQuery, inTransaction = 'D', 'Z', 'T'
		switch {
		case message[0] == dataRow:
			claimed = bytes.HasPrefix(message[5:], newBet)
		case message[0] == readyForQuery && claimed:
			if claimed = false; message[5] == inTransaction && l.armed.CompareAndSwap(true, false) {
				l.since.Store(time.Now().UnixNano())
				l.silent.Store(true)
			}
		}
		if l.silent.Load() {
			continue
		}
		if _, err := front.Write(message); err != nil {
			return
		}
	}
}

// Fault 19: a container is cut off from PostgreSQL while it holds a player's account. The
// server ends its transaction, and the player goes on at another container.
func TestACutOffContainerLetsGoOfTheAccount(t *testing.T) {
	t.Parallel()
	const bound = 5 * time.Second
	here, pg := begin(t)
	l, address := newLine(t, pg.URL)
	there := launch(t, pg, "DATABASE_URL="+address)
	there.ready()
	ada := here.guest("Ada")
	away := &player{there, ada.ID, ada.Name, ada.token}
	if r := away.bet("warm", 100); r.status != http.StatusCreated {
		t.Fatalf("bet: %d %s", r.status, r.body)
	}
	l.armed.Store(true)
	var cut reply
	var wg sync.WaitGroup
	wg.Go(func() { cut = away.bet("k", 100) })
	eventually(t, "a transaction is cut off", l.silent.Load)
	began, tries := time.Unix(0, l.since.Load()), 0
	eventually(t, "the account is free", func() bool {
		tries++
		r := ada.bet("other", 100)
		if r.status != http.StatusCreated {
			turnedAway(t, r, "busy") // after the limit for locks
		}
		return r.status == http.StatusCreated
	})
	took := time.Since(began)
	wg.Wait()
	turnedAway(t, cut, "unavailable", "busy")
	t.Logf("the account was free after %s and %d tries; the contract says %s", took.Round(time.Millisecond), tries, bound)
	if took < time.Second || took > 3*bound {
		t.Errorf("the account was held for %s", took)
	}
	if r := ada.bet("k", 100); r.status != http.StatusCreated || r.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the bet that was cut off: %d %s; want it played now", r.status, r.body)
	}
	l.heal()
	eventually(t, "bets through the line again", func() bool { return away.bet("healed", 100).status == http.StatusCreated })
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != 4 {
		t.Errorf("%d rounds; want 4", n)
	}
}
