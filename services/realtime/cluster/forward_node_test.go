package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// home is a whole server with its own way to Redis.
type home struct {
	control *Control
	sockets *socketio.Server
	web     *httptest.Server
	front   *front
	redis   *proxy
	dead    atomic.Bool
}

// front knows the connections of clients, websockets included.
type front struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (f *front) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.conns = append(f.conns, c)
	}
	return c, err
}

// house is three containers behind a proxy that knows nothing of sessions: each request
// goes to the next container.
type house struct {
	redis      *redistest.Instance
	containers []*home
	door       *httptest.Server
	next       atomic.Uint64

	mu       sync.Mutex
	answered map[int]int // requests by status
}

func build(t *testing.T, engine engineio.Options) *house {
	t.Helper()
	h := &house{redis: redistest.Server(t), answered: map[int]int{}}
	for range 3 {
		h.containers = append(h.containers, h.add(t, engine))
	}
	h.door = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			for range h.containers {
				c := h.containers[int(h.next.Add(1))%len(h.containers)]
				if target, err := url.Parse(c.web.URL); err == nil && !c.dead.Load() {
					r.SetURL(target)
					return
				}
			}
		},
		Transport:     &http.Transport{DisableKeepAlives: true},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(testLog(t).Handler(), slog.LevelInfo),
		ModifyResponse: func(r *http.Response) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.answered[r.StatusCode]++
			return nil
		},
	})
	t.Cleanup(h.door.Close)
	return h
}

// add starts a container whose sockets send back what they are told.
func (h *house) add(t *testing.T, engine engineio.Options) *home {
	t.Helper()
	c := &home{redis: newProxy(t, h.redis.URL)}
	publish, subscribe, err := redisconn.OpenPair(c.redis.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	c.control = NewControl(publish, subscribe, ControlOptions{}, testLog(t))
	adapter := NewRedis(publish, subscribe, Options{}, testLog(t))
	start(t, c.control.Run)
	start(t, adapter.Run)
	engine.Transports = []string{"polling", "websocket"}
	engine.Forwarder, engine.Logger = c.control, testLog(t)
	c.sockets = socketio.New(socketio.Options{Engine: engine, Adapter: adapter, Logger: testLog(t)})
	c.sockets.Of("/").OnConnect(func(s *socketio.Socket) {
		s.Join("all")
		s.On("echo", func(args socketio.Args, ack socketio.Ack) {
			if err := s.EmitRaw("back", args.From(0), args.Attachments()...); err != nil {
				t.Logf("send back: %v", err)
			}
			ack()
		})
	})
	c.web = httptest.NewUnstartedServer(c.sockets)
	c.front = &front{Listener: c.web.Listener}
	c.web.Listener = c.front
	c.web.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.sockets.Shutdown(ctx, 0); err != nil && !c.dead.Load() {
			t.Errorf("shut down: %v", err)
		}
		c.web.Close()
	})
	eventually(t, "listening", func() (bool, any) {
		whole, _ := c.control.subscriber.status(&Status{})
		return whole && adapter.Status().Connected, nil
	})
	return c
}

// kill ends a container as SIGKILL does: nobody hears of it again.
func (c *home) kill() {
	c.dead.Store(true)
	c.redis.close()
	_ = c.front.Close()
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	for _, conn := range c.front.conns {
		_ = conn.Close()
	}
}

// statuses are the answers so far that are no success.
func (h *house) statuses() map[int]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	bad := map[int]int{}
	for status, n := range h.answered {
		if status != http.StatusOK && status != http.StatusSwitchingProtocols {
			bad[status] = n
		}
	}
	return bad
}

func (h *house) connect(t *testing.T, clients *testclient.Script, name string, options map[string]any) {
	t.Helper()
	clients.Tell(testclient.Command{"do": "connect", "client": name, "url": h.door.URL, "options": options})
	clients.On(name, "connect")
}

func TestClientsNeedNoStickySessions(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("é", 200_000) // 400 kB
	bytes := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00\x01\xff", 100_000)))
	said := []string{`["hi"]`, `[{"$bin":"AAH/"},{"in":[{"$bin":"AQID"}]}]`, `["` + big + `"]`, `[{"$bin":"` + bytes + `"}]`, `["last"]`}
	for _, test := range []struct {
		name, ends string
		options    map[string]any
	}{
		{"polling only", "polling", map[string]any{"transports": []string{"polling"}}},
		{"polling, then upgrade", "websocket", map[string]any{"transports": []string{"polling", "websocket"}}},
		{"websocket only", "websocket", map[string]any{"transports": []string{"websocket"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := build(t, engineio.Options{PingInterval: 300 * time.Millisecond})
			clients := testclient.Start(t, "client.mjs")
			for i := range 4 { // so that some session is on either side of each upgrade
				h.connect(t, clients, fmt.Sprint(i), test.options)
			}
			for i := range 4 {
				name := fmt.Sprint(i)
				for _, want := range said { // one at a time: more is more than may wait for a client
					clients.Tell(testclient.Command{"do": "emit", "client": name, "event": "echo", "args": json.RawMessage(want)})
					if got := clients.On(name, "event"); got.Event != "back" || string(got.Args) != want {
						t.Errorf("client %s got %s %.80s, want %.80s", name, got.Event, got.Args, want)
					}
				}
				if got := transportOf(t, clients, name); got != test.ends {
					eventually(t, "the transport", func() (bool, any) {
						got := transportOf(t, clients, name)
						return got == test.ends, got
					})
				}
			}
			if err := h.containers[0].sockets.Of("/").To("all").Emit("news", 1); err != nil {
				t.Error(err)
			}
			for i := range 4 {
				clients.On(fmt.Sprint(i), "event")
			}
			for i := range 4 {
				clients.Tell(testclient.Command{"do": "disconnect", "client": fmt.Sprint(i)})
				clients.On(fmt.Sprint(i), "disconnect")
			}
			if bad := h.statuses(); len(bad) > 0 {
				t.Errorf("answers that are no success: %v", bad)
			}
			eventually(t, "no stream is left", func() (bool, any) {
				n := 0
				for _, c := range h.containers {
					n += c.control.Status().Streams
				}
				return n == 0, n
			})
		})
	}
}

func transportOf(t *testing.T, clients *testclient.Script, name string) string {
	t.Helper()
	raw, err := clients.Ask(testclient.Command{"do": "state", "client": name})
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Transport string }
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	return state.Transport
}

func TestFiftyClientsAtOnceAnywhere(t *testing.T) {
	t.Parallel()
	h := build(t, engineio.Options{})
	clients := testclient.Start(t, "client.mjs")
	const n = 50
	for i := range n {
		transports := []string{"polling"}
		if i%2 == 0 {
			transports = []string{"polling", "websocket"}
		}
		clients.Tell(testclient.Command{"do": "connect", "client": fmt.Sprint(i), "url": h.door.URL, "options": map[string]any{"transports": transports}})
	}
	for i := range n {
		clients.On(fmt.Sprint(i), "connect")
	}
	for round := range 5 {
		if err := h.containers[rand.N(3)].sockets.Of("/").To("all").Emit("round", round); err != nil {
			t.Error(err)
		}
	}
	for i := range n {
		name := fmt.Sprint(i)
		for round := range 5 {
			clients.Next(fmt.Sprint("round ", round, " at ", name), func(l testclient.Line) bool {
				return l.Client == name && l.On == "event" && string(l.Args) == fmt.Sprintf("[%d]", round)
			})
		}
		if _, err := clients.Ask(testclient.Command{"do": "emit", "client": name, "event": "echo", "args": []int{i}}); err != nil {
			t.Error(err)
		}
	}
	if bad := h.statuses(); len(bad) > 0 {
		t.Errorf("answers that are no success: %v", bad)
	}
}

// owner is the container that has the session of the only client.
func (h *house) owner(t *testing.T) *home {
	t.Helper()
	for _, c := range h.containers {
		if c.sockets.Of("/").Len() > 0 {
			return c
		}
	}
	t.Fatal("nobody has the session")
	return nil
}

func TestClientsOfAKilledContainerComeBackSoon(t *testing.T) {
	t.Parallel()
	for _, transports := range [][]string{{"polling"}, {"polling", "websocket"}} {
		t.Run(strings.Join(transports, " and "), func(t *testing.T) {
			t.Parallel()
			h := build(t, engineio.Options{})
			clients := testclient.Start(t, "client.mjs")
			h.connect(t, clients, "a", map[string]any{"transports": transports})
			eventually(t, "the transport", func() (bool, any) {
				got := transportOf(t, clients, "a")
				return got == transports[len(transports)-1], got
			})
			killed := time.Now()
			h.owner(t).kill() // while a GET or a websocket waits at one of three
			clients.On("a", "disconnect")
			clients.On("a", "connect")
			t.Logf("back after %s", time.Since(killed))
			if _, err := clients.Ask(testclient.Command{"do": "emit", "client": "a", "event": "echo", "args": []int{1}}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForgedSessionIDsAreUnknown(t *testing.T) {
	t.Parallel()
	h := build(t, engineio.Options{})
	edge, other := h.containers[0], h.containers[1]
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	for _, test := range []struct{ name, id string }{
		{"nobody's tag", "AAAAaaaaaaaaaaaaaaaa"},
		{"another container's tag", other.control.Tag() + "aaaaaaaaaaaaaaaa"},
		{"this container's tag", edge.control.Tag() + "aaaaaaaaaaaaaaaa"},
		{"no tag at all", "%20"},
		{"too long", strings.Repeat("a", 5000)},
		{"no base64", "!!!!aaaaaaaaaaaaaaaa"},
	} {
		for _, method := range []string{"GET", "POST", "websocket"} {
			transport, body := "polling", io.Reader(nil)
			if method == "POST" {
				body = strings.NewReader("4" + strings.Repeat("x", 100_000))
			}
			if method == "websocket" {
				transport = method
			}
			request, err := http.NewRequestWithContext(t.Context(), strings.Replace(method, "websocket", "GET", 1),
				edge.web.URL+"/socket.io/?EIO=4&transport="+transport+"&sid="+test.id, body)
			if err != nil {
				t.Fatal(err)
			}
			if transport == "websocket" {
				for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
					request.Header.Set(name, value)
				}
			}
			answer, err := client.Do(request)
			if err != nil {
				t.Errorf("%s of %s: %v", method, test.name, err)
				continue
			}
			text, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if got := strings.TrimSpace(string(text)); answer.StatusCode != http.StatusBadRequest || got != `{"code":1,"message":"Session ID unknown"}` {
				t.Errorf("%s of %s: got %d %s", method, test.name, answer.StatusCode, got)
			}
		}
	}
}

func TestPollingGoesOnWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	h := build(t, engineio.Options{PingInterval: 300 * time.Millisecond})
	clients := testclient.Start(t, "client.mjs")
	h.connect(t, clients, "a", map[string]any{"transports": []string{"polling"}, "reconnectionDelay": 100, "reconnectionDelayMax": 500})
	h.redis.Kill()
	clients.On("a", "disconnect")
	h.redis.Start()
	eventually(t, "an answer", func() (bool, any) {
		_, err := clients.Ask(testclient.Command{"do": "emit", "client": "a", "event": "echo", "args": []int{1}, "timeout": 1000})
		return err == nil, err
	})
	if bad := h.statuses(); bad[http.StatusServiceUnavailable] == 0 {
		t.Errorf("answers that are no success: %v, want 503 among them", bad)
	}
}

func TestClientsOfALostTunnelComeBack(t *testing.T) {
	t.Parallel()
	h := build(t, engineio.Options{})
	clients := testclient.Start(t, "client.mjs")
	var edge *home
	for i := 0; edge == nil; i++ { // until some websocket is not where its session is
		h.connect(t, clients, fmt.Sprint(i), map[string]any{"transports": []string{"polling", "websocket"}})
		eventually(t, "the transport", func() (bool, any) {
			got := transportOf(t, clients, fmt.Sprint(i))
			return got == "websocket", got
		})
		for _, c := range h.containers {
			if c.control.Status().Streams > 0 {
				edge = c // or the owner, which is as good
			}
		}
	}
	edge.redis.set(true) // swallows everything both ways
	lost := clients.Next("a disconnect", func(l testclient.Line) bool { return l.On == "disconnect" })
	edge.redis.set(false)
	clients.On(lost.Client, "connect")
}

// A client that does not read fills a window and the owner's queue, and is cut there.
func TestASlowClientBehindATunnelIsCut(t *testing.T) {
	t.Parallel()
	h := build(t, engineio.Options{StallTimeout: 300 * time.Millisecond, QueueLimit: 64 << 10})
	owner, edge := h.containers[0], h.containers[1]
	left := make(chan socketio.Reason, 1)
	owner.sockets.Of("/").OnConnect(func(s *socketio.Socket) { s.OnDisconnect(func(why socketio.Reason) { left <- why }) })
	slow := upgraded(t, owner.web.URL, edge.web.URL)
	defer func() { _ = slow.Close() }()
	text := strings.Repeat("x", 16<<10)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		select {
		case why := <-left:
			if why != engineio.TransportError {
				t.Errorf("reason %q, want %q", why, engineio.TransportError)
			}
			return
		case <-deadline:
			t.Fatal("not cut")
		case <-tick.C:
			if err := owner.sockets.Of("/").Local().Emit("event", text); err != nil {
				t.Fatal(err)
			}
		}
	}
}
