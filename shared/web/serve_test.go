package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/web"
)

// running is a server under Serve.
type running struct {
	addr  string
	stop  context.CancelFunc
	ended chan error
	order *log // "drain" when onDrain ran
}

func serve(t *testing.T, h http.Handler, change func(*http.Server)) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := web.NewServer(web.Stack(web.Options{Logger: quiet}, h), quiet)
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{addr: ln.Addr().String(), stop: cancel, ended: make(chan error, 1), order: new(log)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- web.Serve(ctx, s, ln, func() { _, _ = io.WriteString(r.order, "drain ") })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// refused reports whether the server takes no new connection.
func (r *running) refused() bool {
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		return true
	}
	conn.Close()
	return false
}

func TestServeFinishesWhatIsInFlight(t *testing.T) { // fault 18
	t.Parallel()
	var entered atomic.Int32
	release := make(chan struct{})
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entered.Add(1)
		<-release
		if req.Context().Err() != nil {
			t.Error("the request was cancelled by the drain")
		}
		_, _ = io.WriteString(w, "whole answer")
	}), nil)
	const n = 20
	bodies := make(chan string, n)
	for range n {
		c := dial(t, r.addr)
		c.send(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		go func() { // ends with the reply, or with the connection's deadline
			resp, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				bodies <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			bodies <- string(body)
		}()
	}
	until(t, "all requests are in flight", func() bool { return entered.Load() == n })
	r.stop()
	until(t, "new connections are refused", r.refused)
	if r.order.String() != "drain " {
		t.Error("connections are refused before onDrain ran")
	}
	select {
	case err := <-r.ended:
		t.Fatalf("Serve ended with requests in flight: %v", err)
	default:
	}
	close(release)
	for range n {
		if body := <-bodies; body != "whole answer" {
			t.Errorf("a request in flight got %q", body)
		}
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func TestKeptConnectionsAreToldToClose(t *testing.T) {
	t.Parallel()
	held, release := make(chan struct{}), make(chan struct{})
	r := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/hold" {
			close(held)
			<-release
		}
	}), nil)
	kept, holding := dial(t, r.addr), dial(t, r.addr)
	kept.send(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := kept.answer(t); resp.Close {
		t.Error("a connection is closed without need")
	}
	holding.send(t, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	<-held
	r.stop()
	until(t, "the drain has begun", r.refused)
	kept.send(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // a proxy that does not know yet
	if resp, _ := kept.answer(t); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("request on a kept connection: %d, close %t; want an answer and a close", resp.StatusCode, resp.Close)
	}
	close(release)
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestServeEndsAtOnceWithoutConnections(t *testing.T) {
	t.Parallel()
	r := serve(t, http.NotFoundHandler(), nil)
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestServeCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	if web.DrainTime > 8*time.Second {
		t.Errorf("DrainTime = %s, and the platform kills after 10s", web.DrainTime)
	}
	release, entered := make(chan struct{}), make(chan struct{})
	s := web.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-release }), quiet)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- web.ServeWithin(ctx, s, ln, nil, 400*time.Millisecond) }()
	c := dial(t, ln.Addr().String())
	c.send(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	stop()
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve = %v, want an error that tells of cut requests", err)
	}
	if rest, _ := io.ReadAll(c.Reader); len(rest) > 0 {
		t.Errorf("the cut request got %q", rest)
	}
	close(release)
}

func TestServeReportsABrokenListener(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := web.Serve(context.Background(), web.NewServer(http.NotFoundHandler(), quiet), ln, nil); err == nil {
		t.Error("Serve = nil on a closed listener")
	}
}

func TestSlowHeadersAreCut(t *testing.T) { // row 71
	t.Parallel()
	r := serve(t, http.NotFoundHandler(), func(s *http.Server) {
		if s.ReadHeaderTimeout <= 0 || s.ReadHeaderTimeout > 5*time.Second || s.IdleTimeout <= 0 {
			t.Errorf("timeouts: header %s, idle %s", s.ReadHeaderTimeout, s.IdleTimeout)
		}
		s.ReadHeaderTimeout = 100 * time.Millisecond // the same path, sooner
	})
	c := dial(t, r.addr)
	c.send(t, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	rest, err := io.ReadAll(c.Reader)
	if err != nil {
		t.Fatalf("not cut: %v", err)
	}
	if len(rest) > 0 && !strings.HasPrefix(string(rest), "HTTP/1.1 408") && !strings.HasPrefix(string(rest), "HTTP/1.1 400") {
		t.Errorf("got %q", rest)
	}
}

func TestHijackedConnectionsSurviveTheStack(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	defer wg.Wait()
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h, ok := w.(http.Hijacker) // as websocket libraries ask
		if !ok {
			t.Error("no Hijacker")
			return
		}
		conn, buf, err := h.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		wg.Go(func() { echo(conn, buf) })
	}), nil)
	c := dial(t, r.addr)
	c.send(t, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	c.send(t, "hello\n")
	if line, err := c.ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("echo: %q, %v", line, err)
	}
	r.stop() // is not waited for
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	c.send(t, "still here\n")
	if line, err := c.ReadString('\n'); err != nil || line != "still here\n" {
		t.Errorf("echo after the drain: %q, %v", line, err)
	}
	c.Close()
}

// echo ends when the connection does.
func echo(conn net.Conn, buf *bufio.ReadWriter) {
	defer conn.Close()
	for {
		line, err := buf.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := conn.Write([]byte(line)); err != nil {
			return
		}
	}
}
