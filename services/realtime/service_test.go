package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what should happen at once, on a busy machine.
const patience = 20 * time.Second

// service is a key to sign tokens with, and containers that run in this process.
type service struct {
	t      *testing.T
	signer *auth.Signer
	keys   string // public
	redis  string
}

func newService(t *testing.T, redis string) *service {
	t.Helper()
	private, public, err := auth.GenerateKey("test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &service{t: t, signer: signer, keys: string(public), redis: redis}
}

// container runs one until the test ends or term is called, which returns what run
// returned.
func (s *service) container(variables ...string) (address, internal string, term func() error) {
	s.t.Helper()
	var ports [2]int
	for i := range ports {
		port, err := child.Port()
		if err != nil {
			s.t.Fatal(err)
		}
		ports[i] = port
	}
	env := map[string]string{
		"PORT": fmt.Sprint(ports[0]), "LOCAL_ONLY": "true", "INTERNAL_ADDR": fmt.Sprint("127.0.0.1:", ports[1]),
		"TOKEN_KEYS": s.keys, "REDIS_URL": s.redis, "LOG_FORMAT": "text", "LOG_LEVEL": "ERROR",
	}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, func(name string) string { return env[name] }) }() // ends with term
	var result error
	done := false
	term = func() error {
		if !done {
			cancel()
			result, done = <-ended, true
		}
		return result
	}
	s.t.Cleanup(func() {
		if err := term(); err != nil {
			s.t.Error(err)
		}
	})
	address, internal = fmt.Sprint("http://127.0.0.1:", ports[0]), fmt.Sprint("http://127.0.0.1:", ports[1])
	s.await("the container is ready", func() (bool, any) {
		status, body := s.get(address + "/ready")
		return status == http.StatusOK, body
	})
	return address, internal, term
}

func (s *service) get(address string) (status int, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

func (s *service) await(what string, check func() (bool, any)) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, got := check()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %s; last: %v", what, patience, got)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *service) token(name string) string {
	s.t.Helper()
	token, _, err := s.signer.Sign(uuid.New(), name, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// size waits until the health of a container says that the cluster has this size.
func (s *service) size(address string, containers, sockets, rooms int) {
	s.t.Helper()
	want := fmt.Sprintf(`{"containers":%d,"rooms":%d,"sockets":%d}`, containers, rooms, sockets)
	s.await("the cluster is "+want, func() (bool, any) {
		_, body := s.get(address + "/health")
		var document struct {
			Components struct {
				SocketIO struct{ Details json.RawMessage }
			}
		}
		if err := json.Unmarshal([]byte(body), &document); err != nil {
			return false, err
		}
		return string(document.Components.SocketIO.Details) == want, string(document.Components.SocketIO.Details)
	})
}

func TestContainersAreOneClusterAndMoveTheirSockets(t *testing.T) {
	t.Parallel()
	s := newService(t, redistest.Server(t).URL)
	one, _, end := s.container()
	two, internal, _ := s.container()
	s.size(one, 2, 0, 0)

	var to atomic.Pointer[url.URL]
	lead := func(address string) {
		target, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		to.Store(target)
	}
	lead(one)
	door := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to.Load()) }})
	defer door.Close()
	client := testclient.Start(t, "client.mjs")
	connect := func(name, address string) {
		client.Tell(testclient.Command{"do": "connect", "client": name, "url": address, "options": map[string]any{
			"auth": map[string]any{"token": s.token(name)}, "reconnectionDelay": 200, "reconnectionDelayMax": 500,
		}})
		client.On(name, "connect")
	}
	connect("Ada", door.URL)
	connect("Bob", two)
	for _, name := range []string{"Ada", "Bob"} {
		if _, err := client.Ask(testclient.Command{"do": "emit", "client": name, "event": "join", "args": []any{"table:dice-1"}}); err != nil {
			t.Fatal(err)
		}
	}
	s.size(one, 2, 2, 2) // the table and the lobby
	s.size(two, 2, 2, 2)

	lead(two)
	began := time.Now()
	if err := end(); err != nil {
		t.Errorf("a container that is told to end: %v", err)
	}
	t.Logf("ended after %s", time.Since(began))
	client.On("Ada", "disconnect")
	if l := client.On("Ada", "connect"); l.ID == "" {
		t.Error("Ada is connected without an id")
	}
	state, err := client.Ask(testclient.Command{"do": "state", "client": "Ada"})
	if err != nil || !strings.Contains(string(state), `"recovered":true`) {
		t.Errorf("Ada, moved by the end of a container, is %s, %v; want recovered", state, err)
	}
	s.size(two, 1, 2, 2)

	_, metrics := s.get(internal + "/metrics")
	for _, want := range []string{
		"socketio_connections 2", "socketio_cluster_size 1", "socketio_cluster_sockets 2", "socketio_cluster_rooms 2",
		"socketio_chats 0", "socketio_refused 0", "socketio_gaps ", "socketio_logged ", "socketio_filled ", "socketio_lost 0", "redis_latency_p50 ",
		"socketio_redis_degraded 0", `socketio_recoveries_total{result="recovered"} 1`, `socketio_recoveries_total{result="failed"} 0`,
		"socketio_slow_consumers_total 0", `socketio_rate_limited_total{limit="chat"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
}

func TestAContainerWithoutRedisServesItsOwn(t *testing.T) {
	t.Parallel()
	s := newService(t, "")
	one, _, _ := s.container()
	client := testclient.Start(t, "client.mjs")
	client.Tell(testclient.Command{"do": "connect", "client": "Ada", "url": one, "options": map[string]any{
		"auth": map[string]any{"token": s.token("Ada")}, "reconnectionDelay": 200,
	}})
	client.On("Ada", "connect")
	for _, event := range [][]any{{"join", "table:dice-1"}, {"chat", "table:dice-1", "hello"}} {
		answer, err := client.Ask(testclient.Command{"do": "emit", "client": "Ada", "event": event[0], "args": event[1:]})
		if err != nil || !strings.Contains(string(answer), `"ok":true`) {
			t.Errorf("%v: %s, %v", event, answer, err)
		}
	}
	s.size(one, 1, 1, 2)
	client.Tell(testclient.Command{"do": "cut", "client": "Ada"})
	client.On("Ada", "disconnect")
	client.On("Ada", "connect")
	state, err := client.Ask(testclient.Command{"do": "state", "client": "Ada"})
	if err != nil || !strings.Contains(string(state), `"recovered":true`) {
		t.Errorf("Ada at the only container is %s, %v; want recovered", state, err)
	}
}
