package engineio

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// node is a script with engine.io-client and a server for it, which notes every
// request and answer.
type node struct {
	*rig
	*testclient.Script
	url string

	mu      sync.Mutex
	posts   []int // bytes of each
	bad     []string
	cookies []string // of websocket handshakes
}

func startNode(t *testing.T, opts Options, act func(*Session, []byte, bool)) *node {
	t.Helper()
	n := &node{rig: start(t, opts, act)}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("read a POST: %v", err)
			}
			n.mu.Lock()
			n.posts = append(n.posts, len(body))
			n.mu.Unlock()
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if r.Header.Get("Upgrade") != "" {
			n.mu.Lock()
			n.cookies = append(n.cookies, r.Header.Get("Cookie"))
			n.mu.Unlock()
		}
		n.Server.ServeHTTP(&noted{w, n, r}, r)
	}))
	t.Cleanup(front.Close)
	n.url = front.URL
	n.Script = testclient.Start(t, "engine.mjs")
	return n
}

// noted remembers an answer that is not as it should be.
type noted struct {
	http.ResponseWriter
	node *node
	r    *http.Request
}

func (w *noted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *noted) WriteHeader(status int) {
	if status >= 400 {
		w.node.mu.Lock()
		w.node.bad = append(w.node.bad, fmt.Sprintf("%s %s: %d", w.r.Method, w.r.URL.Query().Get("transport"), status))
		w.node.mu.Unlock()
	}
	w.ResponseWriter.WriteHeader(status)
}

// message waits for the next message of a client; binary ones are "bin:" and
// base64.
func (n *node) message(t *testing.T, client string) (text, transport string) {
	t.Helper()
	l := n.On(client, "message")
	if len(l.Value) == 0 {
		return "", l.Event // the client makes undefined of an empty message
	}
	var value any
	if err := json.Unmarshal(l.Value, &value); err != nil {
		t.Fatalf("message %s: %v", l.Value, err)
	}
	if packed, ok := value.(map[string]any); ok {
		return fmt.Sprint("bin:", packed["$bin"]), l.Event
	}
	return fmt.Sprint(value), l.Event
}

// wantNoRefusals fails the test when a request was answered with an error.
func (n *node) wantNoRefusals(t *testing.T) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.bad) > 0 {
		t.Errorf("answers with errors: %q", n.bad)
	}
}

func TestNodeClientsExchangeMessages(t *testing.T) {
	t.Parallel()
	n := startNode(t, both(Options{}), echo)
	for _, test := range []struct {
		name       string
		transports []string
		last       string // the transport in the end
	}{
		{"polling", []string{"polling"}, "polling"},
		{"websocket", []string{"websocket"}, "websocket"},
		{"upgrade", []string{"polling", "websocket"}, "websocket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n.Tell(testclient.Command{"do": "connect", "client": test.name, "url": n.url, "options": map[string]any{"transports": test.transports}})
			open := n.On(test.name, "open")
			if open.Event != test.transports[0] || len(open.ID) != idLength {
				t.Errorf("opened %q by %s", open.ID, open.Event)
			}
			if len(test.transports) > 1 {
				n.Tell(testclient.Command{"do": "send", "client": test.name, "data": "before the upgrade"})
				if got, _ := n.message(t, test.name); got != "before the upgrade" {
					t.Errorf("got %q", got)
				}
				n.On(test.name, "upgrade")
			}
			bytes := make([]byte, 256)
			for i := range bytes {
				bytes[i] = byte(i)
			}
			packed := base64.StdEncoding.EncodeToString(bytes)
			for _, send := range []struct {
				data any
				want string
			}{
				{"hello", "hello"},
				{"", ""},
				{"€ and \U0001f3b0 and \x1e's neighbour", "€ and \U0001f3b0 and \x1e's neighbour"},
				{map[string]string{"$bin": packed}, "bin:" + packed},
				{map[string]string{"$bin": ""}, "bin:"},
				{strings.Repeat("long ", 10_000), strings.Repeat("long ", 10_000)},
			} {
				if test.last == "polling" && strings.Contains(send.want, "\x1e") {
					continue // the protocol cannot carry its separator
				}
				n.Tell(testclient.Command{"do": "send", "client": test.name, "data": send.data})
				got, by := n.message(t, test.name)
				if got != send.want || by != test.last {
					t.Errorf("got %.40q by %s, want %.40q by %s", got, by, send.want, test.last)
				}
			}
			n.Tell(testclient.Command{"do": "close", "client": test.name})
			if got := n.On(test.name, "close").Reason; got != "forced close" {
				t.Errorf("the client says %q", got)
			}
			if got := n.next(t).reason(t); got != TransportClose {
				t.Errorf("reason %q, want %q", got, TransportClose)
			}
		})
	}
	n.wantNoRefusals(t)
}

// TestNodeClientsSplitWhatTheyPost: a client obeys the maxPayload of the open
// packet, and nothing of what it sends in one go is lost or out of order.
func TestNodeClientsSplitWhatTheyPost(t *testing.T) {
	t.Parallel()
	const most, size, count = 10_000, 900, 60
	n := startNode(t, Options{Transports: []string{"polling"}, MaxPayload: most}, nil)
	n.Tell(testclient.Command{"do": "connect", "client": "a", "url": n.url, "options": map[string]any{"transports": []string{"polling"}}})
	n.On("a", "open")
	h := n.next(t)
	n.Tell(testclient.Command{"do": "flood", "client": "a", "size": size, "count": count})
	until(t, "all messages are here", func() bool { return len(h.all()) == count })
	for i, got := range h.all() {
		if want := fmt.Sprintf("%d ", i); !strings.HasPrefix(got, want) || len(got) != size {
			t.Errorf("message %d is %.20q of %d bytes", i, got, len(got))
		}
	}
	n.mu.Lock()
	posts := slices.Clone(n.posts)
	n.mu.Unlock()
	if largest := slices.Max(posts); largest > most || largest < most/2 {
		t.Errorf("the largest POST has %d bytes, want nearly %d", largest, most)
	}
	n.wantNoRefusals(t)
}

func TestNodeClientTimesOutWhenTheServerIsSilent(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"polling", "websocket"} {
		n := startNode(t, both(Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}), nil)
		n.stop() // the heartbeat ends, the sessions go on
		n.Tell(testclient.Command{"do": "connect", "client": "a", "url": n.url, "options": map[string]any{"transports": []string{transport}}})
		n.On("a", "open")
		if got := n.On("a", "close").Reason; got != "ping timeout" {
			t.Errorf("%s: the client says %q, want ping timeout", transport, got)
		}
		if got := n.next(t).reason(t); got != TransportError && got != TransportClose {
			t.Errorf("%s: reason %q", transport, got)
		}
	}
}

// TestNodeClientsAnswerTheHeartbeat: a quiet client lives through many pings.
func TestNodeClientsAnswerTheHeartbeat(t *testing.T) {
	t.Parallel()
	n := startNode(t, both(Options{PingInterval: 50 * time.Millisecond, PingTimeout: 4 * time.Second}), echo)
	for _, transports := range [][]string{{"polling"}, {"websocket"}} {
		name := transports[0]
		n.Tell(testclient.Command{"do": "connect", "client": name, "url": n.url, "options": map[string]any{"transports": transports}})
		n.On(name, "open")
		h := n.next(t)
		tick := time.NewTimer(time.Second)
		select {
		case why := <-h.closed:
			t.Errorf("%s: the session ended: %s", name, why)
		case <-tick.C:
		}
		n.Tell(testclient.Command{"do": "send", "client": name, "data": "still here"})
		if got, _ := n.message(t, name); got != "still here" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	n.wantNoRefusals(t)
}

// TestNodeClientsThatKeepCookiesUpgrade: the server's own cookie comes back with
// the websocket, which has no origin, and does not stand in its way.
func TestNodeClientsThatKeepCookiesUpgrade(t *testing.T) {
	t.Parallel()
	n := startNode(t, both(Options{Cookie: &http.Cookie{}}), echo)
	n.Tell(testclient.Command{"do": "connect", "client": "a", "url": n.url, "options": map[string]any{"withCredentials": true}})
	n.On("a", "upgrade")
	h := n.next(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	if want := "io=" + h.session.ID(); !slices.Contains(n.cookies, want) {
		t.Errorf("cookies %q, want %q among them", n.cookies, want)
	}
}
