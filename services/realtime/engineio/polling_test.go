package engineio

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// both offers both transports.
func both(opts Options) Options {
	opts.Transports = []string{"polling", "websocket"}
	return opts
}

// reply is what a polling client sees of an answer.
type reply struct {
	Status int
	Body   string
}

// web does requests without keeping connections, so that none outlives its test.
var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: patience}

func (r *rig) do(t testing.TB, method, query, contentType, body string) (reply, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.addr+"/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		t.Fatalf("make the request: %v", err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := web.Do(request)
	if err != nil {
		t.Errorf("%s %s: %v", method, query, err)
		return reply{}, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Errorf("read the answer: %v", err)
	}
	return reply{answer.StatusCode, string(text)}, answer.Header
}

// poller is a polling session seen by its client.
type pollClient struct {
	*rig
	*recorder
	query string
}

func (r *rig) poll(t testing.TB) *pollClient {
	t.Helper()
	open, header := r.do(t, "GET", "EIO=4&transport=polling&t=1", "", "")
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(open.Body, "0")), &hello); err != nil || open.Status != 200 {
		t.Fatalf("handshake answered %+v: %v", open, err)
	}
	if got := header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("content type %q", got)
	}
	h := r.next(t)
	if hello.SID != h.session.ID() {
		t.Fatalf("sid %q, want %q", hello.SID, h.session.ID())
	}
	return &pollClient{r, h, "EIO=4&transport=polling&sid=" + hello.SID}
}

func (c *pollClient) get(t testing.TB) reply {
	t.Helper()
	got, _ := c.do(t, "GET", c.query, "", "")
	return got
}

func (c *pollClient) post(t testing.TB, body string) reply {
	t.Helper()
	got, _ := c.do(t, "POST", c.query, "text/plain;charset=UTF-8", body)
	return got
}

// waiting starts a GET and returns when the server holds it.
func (c *pollClient) waiting(t testing.TB) <-chan reply {
	t.Helper()
	answer := make(chan reply, 1)
	go func() { answer <- c.get(t) }() // ends with the answer
	until(t, "the GET waits", c.session.Writable)
	return answer
}

func (c *pollClient) wantReason(t testing.TB, want Reason) {
	t.Helper()
	if got := c.reason(t); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func want(t testing.TB, what string, got, want reply) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

var (
	unknown = reply{400, `{"code":1,"message":"Session ID unknown"}`}
	bad     = reply{400, `{"code":3,"message":"Bad request"}`}
)

func TestPollingCarriesMessages(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), echo)
	c := r.poll(t)
	if got := c.session.Transport(); got != "polling" {
		t.Errorf("Transport() = %q", got)
	}
	want(t, "POST", c.post(t, "4hello\x1ebAQIDBA==\x1e4€"), reply{200, "ok"})
	want(t, "GET", c.get(t), reply{200, "4hello\x1ebAQIDBA==\x1e4€"})
	answer := c.waiting(t)
	want(t, "POST while a GET waits", c.post(t, "4again"), reply{200, "ok"})
	want(t, "the waiting GET", <-answer, reply{200, "4again"})
}

func TestPollingAnswersAreNoPagesAndNotStored(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	for _, test := range []struct{ method, query, body, kind string }{
		{"GET", "EIO=4&transport=polling", "", "text/plain; charset=UTF-8"},
		{"POST", c.query, "4hello", "text/html"},
		{"GET", "EIO=3&transport=polling", "", "application/json"},
		{"POST", c.query, "no packet", "application/json"},
	} {
		got, header := r.do(t, test.method, test.query, "text/plain;charset=UTF-8", test.body)
		if kind, cache := header.Get("Content-Type"), header.Get("Cache-Control"); kind != test.kind || cache != "no-store" {
			t.Errorf("%s %s answered %+v as %q, cached %q; want %q, not stored", test.method, test.query, got, kind, cache, test.kind)
		}
	}
}

func TestOpenPacketOffersTheUpgrade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		transports []string
		want       string
	}{
		{[]string{"polling", "websocket"}, `"upgrades":["websocket"],`},
		{[]string{"polling"}, `"upgrades":[],`},
	} {
		r := start(t, Options{Transports: test.transports}, nil)
		if open, _ := r.do(t, "GET", "EIO=4&transport=polling", "", ""); !strings.Contains(open.Body, test.want) {
			t.Errorf("with %q the open packet is %q", test.transports, open.Body)
		}
	}
}

func TestPollingRefusals(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	sid := c.session.ID()
	for _, test := range []struct {
		name, method, query string
		want                reply
	}{
		{"unknown session, GET", "GET", "EIO=4&transport=polling&sid=nobody", unknown},
		{"unknown session, POST", "POST", "EIO=4&transport=polling&sid=nobody", unknown},
		{"handshake by POST", "POST", "EIO=4&transport=polling", reply{400, `{"code":2,"message":"Bad handshake method"}`}},
		{"protocol 3", "GET", "EIO=3&transport=polling", reply{400, `{"code":5,"message":"Unsupported protocol version"}`}},
		{"PUT", "PUT", "EIO=4&transport=polling&sid=" + sid, bad},
		{"the other transport, no upgrade", "GET", "EIO=4&transport=websocket&sid=" + sid, bad},
	} {
		got, _ := r.do(t, test.method, test.query, "", "")
		want(t, test.name, got, test.want)
	}
	_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n"+upgradeHeaders+"\r\n")
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("websocket handshake for polling: status %d", answer.StatusCode)
	}
	ws, h := r.connect(t)
	got, _ := r.do(t, "GET", "EIO=4&transport=polling&sid="+h.session.ID(), "", "")
	want(t, "polling a websocket session", got, bad)
	ws.Close()
	want(t, "the session after all that", c.post(t, "3"), reply{200, "ok"})
}

func TestWhatEndsAPollingSession(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		breach  func(t *testing.T, c *pollClient) reply
		answer  reply // of the breach
		pending reply // of the GET that waits
		late    reply // of the next GET, when none waited
		why     Reason
	}{
		{"client says goodbye", func(t *testing.T, c *pollClient) reply { return c.post(t, "1") },
			reply{200, "ok"}, reply{200, "6"}, reply{200, "6"}, TransportClose},
		{"octet stream", func(t *testing.T, c *pollClient) reply {
			got, _ := c.do(t, "POST", c.query, "application/octet-stream", "4a")
			return got
		}, reply{400, ""}, reply{200, "1"}, unknown, TransportError},
		{"no packet", func(t *testing.T, c *pollClient) reply { return c.post(t, "abc") },
			bad, reply{200, "1"}, unknown, ParseError},
		{"not UTF-8", func(t *testing.T, c *pollClient) reply { return c.post(t, "4\xff") },
			bad, reply{200, "1"}, unknown, ParseError},
		{"ping of a client", func(t *testing.T, c *pollClient) reply { return c.post(t, "2") },
			reply{200, "ok"}, reply{200, "1"}, unknown, TransportError},
		{"server closes", func(_ *testing.T, c *pollClient) reply {
			c.session.Close(ForcedServerClose)
			return reply{}
		}, reply{}, reply{200, "1"}, reply{200, "1"}, ForcedServerClose},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, both(Options{}), nil)
			c := r.poll(t)
			answer := c.waiting(t)
			want(t, "the breach", test.breach(t, c), test.answer)
			want(t, "the waiting GET", <-answer, test.pending)
			c.wantReason(t, test.why)
			c = r.poll(t)
			want(t, "the breach without a GET", test.breach(t, c), test.answer)
			want(t, "the late GET", c.get(t), test.late)
			want(t, "the GET after it", c.get(t), unknown)
			want(t, "a late POST", c.post(t, "4x"), unknown)
			c.wantReason(t, test.why)
		})
	}
}

func TestLastWordsReachALateGet(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	c.session.Send(NewFrame(Message{Data: []byte("last words")}))
	c.session.Close(ForcedClose)
	c.wantReason(t, ForcedClose)
	want(t, "the late GET", c.get(t), reply{200, "4last words\x1e1"})
}

func TestSecondGetEndsTheSession(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	first := c.waiting(t)
	want(t, "the second GET", c.get(t), reply{400, ""})
	want(t, "the first GET", <-first, reply{200, "1"})
	c.wantReason(t, TransportError)
}

func TestSecondPostEndsTheSession(t *testing.T) {
	t.Parallel()
	entered, hold := make(chan struct{}), make(chan struct{})
	r := start(t, both(Options{}), func(*Session, []byte, bool) {
		close(entered)
		<-hold
	})
	c := r.poll(t)
	first := make(chan reply, 1)
	go func() { first <- c.post(t, "4slow") }() // ends with the answer
	<-entered
	want(t, "the second POST", c.post(t, "4more"), reply{400, ""})
	close(hold)
	want(t, "the first POST", <-first, reply{200, "ok"})
	c.wantReason(t, TransportError)
}

func TestAbortedGetEndsTheSession(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	conn := tcp(t, r.addr)
	if _, err := io.WriteString(conn, "GET /?"+c.query+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the GET waits", c.session.Writable)
	conn.Close()
	c.wantReason(t, TransportError)
	want(t, "the next GET", c.get(t), unknown)
}

func TestTooLargePostLeavesTheSessionOpen(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{MaxPayload: 100}), echo)
	c := r.poll(t)
	want(t, "101 bytes", c.post(t, "4"+strings.Repeat("x", 100)), reply{413, ""})
	body := "4" + strings.Repeat("x", 99)
	want(t, "100 bytes", c.post(t, body), reply{200, "ok"})
	want(t, "GET", c.get(t), reply{200, body})
}

func TestLargeAnswersAreCompressedForThoseWhoAskForIt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size   int
		accept string
		want   string
	}{
		{1023, "gzip, deflate", "gzip"},
		{1022, "gzip, deflate", ""},
		{5000, "", ""},
		{5000, "deflate, br", ""},
		{5000, "br, GZIP;q=0.5", "gzip"},
		{5000, "gzip;q=0", ""},
		{5000, "gzip; q=0.00", ""},
	} {
		r := start(t, both(Options{}), nil)
		c := r.poll(t)
		text := strings.Repeat("x", test.size)
		c.session.Send(NewFrame(Message{Data: []byte(text)}))
		_, answer := exchange(t, tcp(t, r.addr), "GET /?"+c.query+" HTTP/1.1\r\nHost: a\r\nAccept-Encoding: "+test.accept+"\r\n\r\n")
		if got := answer.Header.Get("Content-Encoding"); got != test.want {
			t.Errorf("%d bytes for %q: encoding %q, want %q", test.size+1, test.accept, got, test.want)
		}
		body, err := io.ReadAll(answer.Body)
		if test.want == "gzip" && err == nil {
			var z *gzip.Reader
			if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
				body, err = io.ReadAll(z)
			}
		}
		if err != nil || string(body) != "4"+text {
			t.Errorf("%d bytes for %q: read %d bytes, %v", test.size+1, test.accept, len(body), err)
		}
		if got := answer.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control = %q", got)
		}
	}
}

func TestPollingHeartbeat(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{PingInterval: 40 * time.Millisecond, PingTimeout: 400 * time.Millisecond}), nil)
	c := r.poll(t)
	for range 3 {
		want(t, "GET", c.get(t), reply{200, "2"})
		want(t, "pong", c.post(t, "3"), reply{200, "ok"})
	}
	c.wantReason(t, PingTimeout)
	want(t, "GET after the timeout", c.get(t), unknown)
}

func TestPollingClientThatNeverComesIsCut(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{QueueLimit: 10_000}), nil)
	c := r.poll(t)
	frame := numbered(1, 1000)
	sent := 0
	for c.session.Send(frame) {
		if sent++; sent > 10 {
			t.Fatal("the queue has no end")
		}
	}
	if sent != 9 {
		t.Errorf("%d frames of %d bytes were queued, want 9", sent, frame.Size())
	}
	c.wantReason(t, TransportError)
}

func TestShutdownSendsPollingClientsElsewhere(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	idle := r.poll(t)
	answer := c.waiting(t)
	if err := r.Shutdown(context.Background(), 0); err != nil {
		t.Errorf("shut down: %v", err)
	}
	draining := reply{503, `{"code":6,"message":"Server shutting down"}`}
	want(t, "the waiting GET", <-answer, draining)
	want(t, "GET of a closed session", idle.get(t), unknown)
	got, _ := r.do(t, "GET", "EIO=4&transport=polling", "", "")
	want(t, "handshake", got, draining)
	c.wantReason(t, ServerShuttingDown)
	idle.wantReason(t, ServerShuttingDown)
}
