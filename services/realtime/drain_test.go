package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// Who moves traffic to another revision says so with one PUBLISH.
func TestADrainMessageEmptiesTheOtherRevision(t *testing.T) {
	t.Parallel()
	s := newService(t, redistest.Server(t).URL)
	old, _, _ := s.container("K_REVISION=realtime-1")
	fresh, _, _ := s.container("APP_VERSION=realtime-2")
	s.size(old, 2, 0, 0)
	var to atomic.Pointer[string]
	to.Store(&old)
	door := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if target, err := url.Parse(*to.Load()); err == nil {
			r.SetURL(target)
		}
	}})
	defer door.Close()
	client := testclient.Start(t, "client.mjs")
	client.Tell(testclient.Command{"do": "connect", "client": "Ada", "url": door.URL, "options": map[string]any{
		"auth": map[string]any{"token": s.token("Ada")}, "reconnectionDelay": 200, "reconnectionDelayMax": 500,
	}})
	client.On("Ada", "connect")

	redis, err := redisconn.Open(s.redis)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = redis.Close() }()
	publish := func(message string) {
		t.Helper()
		if n, err := redis.Publish(t.Context(), "socket.io-control#", message).Result(); err != nil || n != 2 {
			t.Fatalf("%d containers heard %s, %v", n, message, err)
		}
	}
	to.Store(&fresh)
	publish(`{"drain":{"keep":"realtime-2","over":"100ms"}}`)
	client.On("Ada", "disconnect")
	client.On("Ada", "connect")
	if state, err := client.Ask(testclient.Command{"do": "state", "client": "Ada"}); err != nil || !strings.Contains(string(state), `"recovered":true`) {
		t.Errorf("Ada, moved by a drain, is %s, %v; want recovered", state, err)
	}
	const handshake = "/socket.io/?EIO=4&transport=polling"
	for address, want := range map[string]int{old: http.StatusServiceUnavailable, fresh: http.StatusOK} {
		if status, body := s.get(address + handshake); status != want {
			t.Errorf("a handshake is answered %d %s, want %d", status, body, want)
		}
		if status, body := s.get(address + "/ready"); status != http.StatusOK {
			t.Errorf("/ready: %d %s", status, body)
		}
	}
	publish(`{"drain":{"keep":"realtime-1","over":"0s"}}`) // the way back
	for address, want := range map[string]int{old: http.StatusOK, fresh: http.StatusServiceUnavailable} {
		s.await("the reverse", func() (bool, any) {
			status, _ := s.get(address + handshake)
			return status == want, status
		})
	}
}

// The containers of the service forward for each other: no container needs to be found
// again.
func TestAPollingSessionIsServedByEveryContainer(t *testing.T) {
	t.Parallel()
	s := newService(t, redistest.Server(t).URL)
	one, _, _ := s.container()
	two, _, _ := s.container()
	s.size(one, 2, 0, 0)
	_, open := s.get(one + "/socket.io/?EIO=4&transport=polling")
	_, rest, _ := strings.Cut(open, `"sid":"`)
	id, _, _ := strings.Cut(rest, `"`)
	answer, err := http.Post(two+"/socket.io/?EIO=4&transport=polling&sid="+id, "text/plain", strings.NewReader(`40{"token":"none"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the POST at another container: %s", answer.Status)
	}
	status, body := s.get(two + "/socket.io/?EIO=4&transport=polling&sid=" + id)
	if status != http.StatusOK || !strings.HasPrefix(body, `44{"message":`) {
		t.Errorf("the GET at another container: %d %s", status, body)
	}
}
