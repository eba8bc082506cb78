package socketio

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

// patienceOfTests bounds every wait of the tests.
const patienceOfTests = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server that ends with the test and returns where to dial.
func serve(t testing.TB, opts Options, setup func(*Server)) (srv *Server, url string) {
	t.Helper()
	srv, web := start(opts, setup)
	t.Cleanup(func() { stop(t, srv, web) })
	return srv, web.URL
}

// start is serve for those who end the server themselves.
func start(opts Options, setup func(*Server)) (*Server, *httptest.Server) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	srv := New(opts)
	if setup != nil {
		setup(srv)
	}
	return srv, httptest.NewServer(srv)
}

func stop(t testing.TB, srv *Server, web *httptest.Server) {
	t.Helper()
	defer web.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
	defer cancel()
	if err := srv.Shutdown(ctx, 0); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// peer is a client that sends any bytes.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
	id string // of its socket in the namespace joined last
}

// dial opens a session without joining a namespace.
func dial(t testing.TB, url string) *peer {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	p := &peer{t: t, ws: ws}
	t.Cleanup(p.close)
	if open := p.frame(); !strings.HasPrefix(open, "0{") {
		t.Fatalf("first frame is %s, want an open packet", open)
	}
	return p
}

// join opens a session and connects it to a namespace.
func join(t testing.TB, url, namespace string) *peer {
	t.Helper()
	p := dial(t, url)
	p.connect(namespace)
	return p
}

func (p *peer) connect(namespace string) {
	p.t.Helper()
	head := "0"
	if namespace != "/" {
		head += namespace + ","
	}
	p.send(head)
	body, ok := strings.CutPrefix(p.next(), head)
	var answer struct{ SID string }
	if !ok || json.Unmarshal([]byte(body), &answer) != nil || answer.SID == "" {
		p.t.Fatalf("connect to %s was answered by %s", namespace, body)
	}
	p.id = answer.SID
}

// close ends the connection without a word.
func (p *peer) close() { _ = p.ws.Close() } // it may be closed

// read returns the next websocket message.
func (p *peer) read() (kind int, data []byte, err error) {
	if err := p.ws.SetReadDeadline(time.Now().Add(patienceOfTests)); err != nil {
		return 0, nil, err
	}
	return p.ws.ReadMessage()
}

// frame returns the next websocket frame; a binary one is marked.
func (p *peer) frame() string {
	p.t.Helper()
	kind, data, err := p.read()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	if kind == websocket.BinaryMessage {
		return "binary:" + string(data)
	}
	return string(data)
}

// next returns the next Socket.IO packet, or attachment.
func (p *peer) next() string {
	p.t.Helper()
	for {
		text := p.frame()
		if text == "2" {
			p.raw("3")
			continue
		}
		return strings.TrimPrefix(text, "4")
	}
}

// want fails unless these are the next packets.
func (p *peer) want(packets ...string) {
	p.t.Helper()
	for _, want := range packets {
		if got := p.next(); got != want {
			p.t.Fatalf("received %.200s, want %.200s", got, want)
		}
	}
}

// send sends a Socket.IO packet as it is.
func (p *peer) send(packet string) {
	p.t.Helper()
	p.raw("4" + packet)
}

func (p *peer) raw(frame string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) binary(data string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// wantClosed fails unless the server ends the connection without another packet.
func (p *peer) wantClosed() {
	p.t.Helper()
	_, data, err := p.read()
	if err == nil {
		p.t.Fatalf("received %s, want the end", data)
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.ClosePolicyViolation) {
		p.t.Fatalf("connection ended by %v, want a close frame", err)
	}
}

// ping asks the server for an echo: whatever it sent before has arrived when
// this returns, and nothing else.
func (p *peer) ping() {
	p.t.Helper()
	p.send(`2987654["ping"]`)
	p.want(`3987654[]`)
}

// answerPings makes sockets of a namespace fit for peer.ping.
func answerPings(ns *Namespace) {
	ns.OnConnect(func(s *Socket) {
		s.On("ping", func(_ Args, ack Ack) { ack() })
	})
}

// ok fails the test at an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// eventually polls until it happened or fails.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	deadline := time.Now().Add(patienceOfTests)
	for !happened() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// receive takes the next value or fails.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patienceOfTests):
		t.Fatal("nothing received in time")
		panic("not reached")
	}
}
