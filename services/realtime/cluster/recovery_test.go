package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// The tests of this file put it all together: clients, servers, Redis.

// site is a server on Redis, with whom clients connect.
type site struct {
	*socketio.Namespace
	url string
	web *httptest.Server
}

// contain starts one whose sockets join the room "r" and answer "ping".
func contain(t *testing.T, address string, opts Options) *site {
	t.Helper()
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	log := testLog(t)
	adapter := NewRedis(publish, subscribe, opts, log)
	start(t, adapter.Run)
	srv := socketio.New(socketio.Options{Adapter: adapter, Recovery: time.Minute, Logger: log})
	ns := srv.Of("/")
	ns.OnConnect(func(s *socketio.Socket) {
		s.Join("r")
		s.On("ping", func(_ socketio.Args, ack socketio.Ack) { ack() })
	})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		web.CloseClientConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx, 0); err != nil {
			t.Log(err) // Redis may be gone
		}
		web.Close()
	})
	eventually(t, "connected", func() (bool, any) { return adapter.Status().Connected, adapter.Status() })
	return &site{ns, web.URL, web}
}

// guest is a client that keeps what it needs to come back.
type guest struct {
	ws          *websocket.Conn
	pid, offset string
}

// come connects and reports whether the server knows the client.
func (g *guest) come(url string) (known bool, err error) {
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return false, err
	}
	auth := map[string]string{}
	if g.pid != "" {
		auth["pid"] = g.pid
	}
	if g.offset != "" {
		auth["offset"] = g.offset
	}
	text, err := json.Marshal(auth)
	if err != nil {
		return false, err
	}
	g.ws = ws
	if err := ws.WriteMessage(websocket.TextMessage, append([]byte("40"), text...)); err != nil {
		return false, err
	}
	answer, err := g.next("40")
	var ids struct{ PID string }
	if err == nil {
		err = json.Unmarshal([]byte(answer), &ids)
	}
	known = g.pid != "" && ids.PID == g.pid
	g.pid = ids.PID
	return known, err
}

// next returns the rest of the next frame that begins so.
func (g *guest) next(begin string) (rest string, err error) {
	for {
		_ = g.ws.SetReadDeadline(time.Now().Add(patience))
		_, text, err := g.ws.ReadMessage()
		if err != nil {
			return "", err
		}
		if rest, ok := strings.CutPrefix(string(text), begin); ok {
			return rest, nil
		}
	}
}

// watch reads the events of all emitters, and goes to the next container after every
// few. It returns how many were not the next of their emitter.
func (g *guest) watch(containers []*site, every, emitters, each int) (wrong int, err error) {
	next := make([]int, emitters)
	for read, at := 0, 0; read < emitters*each; read++ {
		if read%every == every-1 {
			_ = g.ws.Close()
			at++
			if known, err := g.come(containers[at%len(containers)].url); err != nil || !known {
				return wrong, fmt.Errorf("after %d events: recovered is %t, %w", read, known, err)
			}
		}
		text, err := g.next(`42["n",`)
		if err != nil {
			return wrong, fmt.Errorf("after %d events: %w", read, err)
		}
		var from, n int
		var offset string
		if err := json.Unmarshal([]byte("["+text), &[]any{&from, &n, &offset}); err != nil {
			return wrong, err
		}
		if n != next[from] {
			wrong++
		}
		next[from], g.offset = n+1, offset
	}
	return wrong, g.ws.Close()
}

func TestClientsLoseNothingOnTheirWayBetweenContainers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		const emitters, each, guests = 4, 120, 4
		address, opts := patient(address)
		opts.Hold = patience
		containers := []*site{contain(t, address, opts), contain(t, address, opts)}
		sessions := dial(t, address)
		var group sync.WaitGroup
		var wrong atomic.Int64
		for i := range guests {
			g := &guest{}
			if _, err := g.come(containers[i%2].url); err != nil {
				t.Fatal(err)
			}
			eventually(t, "in the room", func() (bool, any) { return len(containers[i%2].Sockets("r")) == i/2+1, i })
			eventually(t, "the session is written", func() (bool, any) { // a client waits longer than that before it comes again
				keys, err := sessions.Keys(t.Context(), "*session:"+g.pid).Result()
				return err == nil && len(keys) == 1, keys
			})
			group.Go(func() {
				list := []*site{containers[i%2], containers[(i+1)%2], containers[i%2]}
				n, err := g.watch(list, 17+3*i, emitters, each)
				if err != nil {
					t.Errorf("client %d: %v", i, err)
				}
				wrong.Add(int64(n))
			})
		}
		for e := range emitters {
			group.Go(func() {
				for n := range each {
					c := containers[e%2]
					for _, err := range []error{
						c.To("r").Emit("n", e, n), c.Volatile().Emit("volatile", "tail"), c.To("nowhere").Emit("elsewhere"),
					} {
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		group.Wait()
		if n := wrong.Load(); n > 0 {
			t.Errorf("%d of %d events were lost, doubled or out of order", n, guests*emitters*each)
		}
	})
}

func TestAClientGoesOnElsewhereWhenItsContainerIsDead(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	net := newProxy(t, address)
	dying, other := contain(t, net.url(), Options{}), contain(t, address, Options{})
	clients := testclient.Start(t, "client.mjs")
	clients.Tell(testclient.Command{"do": "connect", "client": "a", "url": dying.url, "options": map[string]any{"reconnection": false}})
	id := clients.On("a", "connect").ID
	if _, err := clients.Ask(testclient.Command{"do": "emit", "client": "a", "event": "ping"}); err != nil { // it is in its room
		t.Fatal(err)
	}
	emit := func(n int) {
		t.Helper()
		if err := other.To("r").Emit("n", n); err != nil {
			t.Fatal(err)
		}
	}
	emit(1)
	clients.On("a", "event")
	sessions := dial(t, address)
	eventually(t, "the session is written", func() (bool, any) {
		keys, err := sessions.Keys(t.Context(), "*session:*").Result()
		return err == nil && len(keys) == 1, keys
	})
	net.set(true) // what a killed process would have said does not reach Redis
	dying.web.CloseClientConnections()
	clients.Tell(testclient.Command{"do": "cut", "client": "a"})
	clients.On("a", "disconnect")
	emit(2)
	text, err := clients.Ask(testclient.Command{"do": "state", "client": "a"})
	var state struct{ PID, Offset string }
	if err != nil || json.Unmarshal(text, &state) != nil {
		t.Fatalf("state: %s, %v", text, err)
	}
	clients.Tell(testclient.Command{"do": "connect", "client": "b", "url": other.url, "options": map[string]any{"autoConnect": false}})
	clients.Tell(testclient.Command{"do": "claim", "client": "b", "pid": state.PID, "offset": state.Offset})
	clients.Tell(testclient.Command{"do": "reconnect", "client": "b"})
	if l := clients.On("b", "connect"); l.ID != id || !l.Recovered {
		t.Fatalf("recovered is %t, id %s, was %s", l.Recovered, l.ID, id)
	}
	emit(3)
	for _, want := range []string{"[2,", "[3,"} {
		if l := clients.On("b", "event"); !strings.HasPrefix(string(l.Args), want) {
			t.Errorf("heard %s, want %s", l.Args, want)
		}
	}
}
