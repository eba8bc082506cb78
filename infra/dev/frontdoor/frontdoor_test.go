package frontdoor

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a service that says its name.
type backend struct {
	*httptest.Server
	name          string
	hits          atomic.Int64
	ready, health func() (int, string)
	draining      atomic.Bool
}

func newBackend(t *testing.T, name string) *backend {
	t.Helper()
	b := &backend{name: name}
	b.ready = func() (int, string) { return 200, `{"ready":true,"uptime":1}` }
	b.health = func() (int, string) {
		return 200, `{"status":"healthy","uptime":1,"components":{"redis":{"status":"healthy","latency":1}}}`
	}
	write := func(w http.ResponseWriter, code int, body string) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { code, body := b.ready(); write(w, code, body) })
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { code, body := b.health(); write(w, code, body) })
	mux.HandleFunc("/v1/who", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		write(w, 200, fmt.Sprintf("%s %s %s %s", name, r.Host, r.Header.Get("X-Forwarded-For"), body))
	})
	mux.HandleFunc("/socket.io/", b.sockets)
	b.Server = httptest.NewServer(mux)
	t.Cleanup(b.Close)
	return b
}

// sockets echoes on a websocket and answers polling requests.
func (b *backend) sockets(w http.ResponseWriter, r *http.Request) {
	b.hits.Add(1)
	if b.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		_, _ = io.WriteString(w, "ok")
		return
	}
	c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, text, err := c.ReadMessage()
	if err == nil {
		_ = c.WriteMessage(websocket.TextMessage, append([]byte(b.name+" "), text...))
	}
}

// open puts a door before backends: all but the last two are realtime containers,
// then come actions and events.
func open(t *testing.T, backends ...*backend) *httptest.Server {
	t.Helper()
	var services []Service
	for _, b := range backends {
		u, err := url.Parse(b.URL)
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, Service{b.name, u})
	}
	n := len(services)
	d := New(Options{
		Realtime: services[:n-2], Actions: services[n-2], Others: services[n-1:],
		Page:   fstest.MapFS{"index.html": {Data: []byte("<p>page")}},
		Policy: "default-src 'none'", Logger: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(d.Close)
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return s
}

func stack(t *testing.T) (*httptest.Server, []*backend) {
	t.Helper()
	all := []*backend{newBackend(t, "rt1"), newBackend(t, "rt2"), newBackend(t, "actions"), newBackend(t, "events")}
	return open(t, all...), all
}

func get(t *testing.T, address string) (int, string, http.Header) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body), answer.Header
}

// echo opens a websocket through the door and returns the container's answer.
func echo(t *testing.T, address string) string {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(address, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	_, text, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWebsocketsTakeTheContainersInTurn(t *testing.T) {
	t.Parallel()
	door, all := stack(t)
	got := map[string]int{}
	for range 6 {
		got[echo(t, door.URL)]++
	}
	if got["rt1 hi"] != 3 || got["rt2 hi"] != 3 {
		t.Errorf("got %v", got)
	}
	all[0].Close()
	for range 4 {
		if got := echo(t, door.URL); got != "rt2 hi" {
			t.Errorf("with rt1 down: got %q", got)
		}
	}
}

func TestNewSessionsAvoidADrainingContainer(t *testing.T) {
	t.Parallel()
	door, all := stack(t)
	all[1].draining.Store(true)
	for range 4 {
		if got := echo(t, door.URL); got != "rt1 hi" {
			t.Errorf("got %q", got)
		}
	}
	all[0].draining.Store(true)
	if code, _, _ := get(t, door.URL+"/socket.io/?EIO=4&transport=polling"); code != http.StatusServiceUnavailable {
		t.Errorf("with all draining: got %d", code)
	}
}

// The containers forward for each other, so the door need not know who has a session.
func TestTheRequestsOfASessionTakeTheContainersInTurn(t *testing.T) {
	t.Parallel()
	door, all := stack(t)
	for range 6 {
		if code, body, _ := get(t, door.URL+"/socket.io/?EIO=4&transport=polling&sid=abc"); code != 200 || body != "ok" {
			t.Fatalf("got %d %q", code, body)
		}
	}
	if one, two := all[0].hits.Load(), all[1].hits.Load(); one != 3 || two != 3 {
		t.Errorf("%d and %d requests", one, two)
	}
	all[0].draining.Store(true) // says 503, which is the answer: the session may have ended with it
	codes := map[int]int{}
	for range 2 {
		code, _, _ := get(t, door.URL+"/socket.io/?EIO=4&transport=polling&sid=abc")
		codes[code]++
	}
	if codes[200] != 1 || codes[503] != 1 {
		t.Errorf("with one draining: %v", codes)
	}
}

func TestActionsGetTheRequestAsTheClientMadeIt(t *testing.T) {
	t.Parallel()
	door, all := stack(t)
	answer, err := http.Post(door.URL+"/v1/who", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, _ := io.ReadAll(answer.Body)
	if want := "actions " + strings.TrimPrefix(door.URL, "http://") + " 127.0.0.1 body"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	all[2].Close()
	code, body, h := get(t, door.URL+"/v1/who")
	if code != 503 || h.Get("Retry-After") != "1" || h.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"code":"unavailable"`) {
		t.Errorf("with actions down: %d %q %v", code, body, h)
	}
}

func TestThePageHasItsPolicy(t *testing.T) {
	t.Parallel()
	door, _ := stack(t)
	code, body, h := get(t, door.URL+"/")
	if code != 200 || body != "<p>page" || h.Get("Content-Security-Policy") != "default-src 'none'" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d %q %v", code, body, h)
	}
	if code, body, _ := get(t, door.URL+"/nothing"); code != 404 || !strings.Contains(body, `"code":"not_found"`) {
		t.Errorf("an unknown path: got %d %s", code, body)
	}
	answer, err := http.Post(door.URL+"/health", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /health: got %d, Allow %q", answer.StatusCode, answer.Header.Get("Allow"))
	}
}

func TestProbesAreTheWorstOfAllServices(t *testing.T) {
	t.Parallel()
	versioned := func(version string) func() (int, string) {
		return func() (int, string) {
			return 200, fmt.Sprintf(`{"status":"healthy","version":%q,"components":{"redis":{"status":"healthy"}}}`, version)
		}
	}
	const sick = `{"status":"degraded","uptime":9,"components":{"redis":{"status":"degraded"},"database":{"status":"healthy"}}}`
	for _, c := range []struct {
		name       string
		change     func(all []*backend)
		ready      int
		health     int
		status     string
		redis, has string
	}{
		{"all well", func([]*backend) {}, 200, 200, "healthy", "healthy", `"events":{"components"`},
		{"one degraded", func(all []*backend) { all[1].health = func() (int, string) { return 200, sick } }, 200, 200, "degraded", "degraded", `"database"`},
		{"one not ready", func(all []*backend) {
			all[3].ready = func() (int, string) { return 503, `{"ready":false,"reason":"schema_too_old","uptime":1}` }
			all[3].health = func() (int, string) { return 503, `{"status":"unhealthy","uptime":1,"components":{}}` }
		}, 503, 503, "unhealthy", "healthy", `"unhealthy"`},
		{"one gone", func(all []*backend) { all[0].Close() }, 503, 503, "unhealthy", "healthy", `"rt1":{"reason":"unreachable"`},
		{"one version", func(all []*backend) {
			for _, b := range all {
				b.health = versioned("5.0.0")
			}
		}, 200, 200, "healthy", "healthy", `,"version":"5.0.0"}` + "\n"},
		{"two versions", func(all []*backend) {
			for _, b := range all {
				b.health = versioned("5.0.0")
			}
			all[2].health = versioned("5.0.1")
		}, 200, 200, "healthy", "healthy", `"uptime":0}` + "\n"},
		{"one talks nonsense", func(all []*backend) { all[2].health = func() (int, string) { return 200, "<html>" } }, 200, 503, "unhealthy", "healthy", "unreachable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			door, all := stack(t)
			c.change(all)
			if code, body, _ := get(t, door.URL+"/ready"); code != c.ready {
				t.Errorf("ready: got %d %s", code, body)
			}
			code, body, _ := get(t, door.URL+"/health")
			var got struct {
				Status     string
				Components map[string]struct{ Status string }
				Services   map[string]any
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if code != c.health || got.Status != c.status || got.Components["redis"].Status != c.redis || len(got.Services) != 4 || !strings.Contains(body, c.has) {
				t.Errorf("health: got %d %s", code, body)
			}
			if code, _, _ := get(t, door.URL+"/live"); code != 200 {
				t.Errorf("live: got %d", code)
			}
		})
	}
}
