package engineio

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// roads connect servers by TCP.
type roads struct {
	mu    sync.Mutex
	towns map[string]*town
}

// town is a Forwarder on the roads.
type town struct {
	*roads
	net.Listener
	tag     string
	lost    error         // what Dial says, when set
	dialled chan net.Conn // gets every stream that was dialled
}

func (r *roads) add(t *testing.T, tag string) *town {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &town{roads: r, Listener: l, tag: tag, dialled: make(chan net.Conn, 100)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.towns[tag] = w
	return w
}

func (w *town) Tag() string          { return w.tag }
func (w *town) Listen() net.Listener { return w }

func (w *town) Dial(ctx context.Context, tag string) (net.Conn, error) {
	if w.lost != nil {
		return nil, w.lost
	}
	w.mu.Lock()
	to := w.towns[tag]
	w.mu.Unlock()
	if to == nil {
		return nil, ErrNoOwner
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.Addr().String())
	if err == nil {
		w.dialled <- conn
	}
	return conn, err
}

// pair is two servers, of which the second gets the requests of the first's sessions.
func pair(t *testing.T, opts Options) (owner, edge *rig, way *town) {
	t.Helper()
	r := &roads{towns: map[string]*town{}}
	opts = both(opts)
	opts.Forwarder = r.add(t, "ownr")
	owner = start(t, opts, echo)
	way = r.add(t, "edge")
	opts.Forwarder = way
	return owner, start(t, opts, echo), way
}

// moved is a polling session of the owner whose requests all go to the edge.
func moved(t *testing.T, owner, edge *rig) *pollClient {
	t.Helper()
	c := owner.poll(t)
	if id := c.session.ID(); len(id) != 20 || id[:4] != "ownr" {
		t.Fatalf("id %q", id)
	}
	return &pollClient{edge, c.recorder, c.query}
}

func TestRequestsAreServedByTheOwnerOfTheSession(t *testing.T) {
	t.Parallel()
	owner, edge, _ := pair(t, Options{})
	c := moved(t, owner, edge)
	want(t, "a POST", c.post(t, "4hello"), reply{200, "ok"})
	want(t, "a GET", c.get(t), reply{200, "4hello"})
	pending := c.waiting(t)
	want(t, "a POST meanwhile", c.post(t, "4again\x1ebAAH/"), reply{200, "ok"})
	if got := (<-pending).Body; !strings.HasPrefix(got, "4again") {
		t.Errorf("the GET that waited got %q", got)
	}
	if got := edge.Len(); got != 0 {
		t.Errorf("the edge has %d sessions", got)
	}
	want(t, "a longer POST", c.post(t, "4"+strings.Repeat("z", 5000)), reply{200, "ok"})
	got, header := c.do(t, "GET", c.query, "", "")
	// With what came after the 4again.
	if len(got.Body) != 5007 || header.Get("Content-Type") != "text/plain; charset=UTF-8" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d bytes with %v", len(got.Body), header)
	}
	want(t, "a large POST", c.post(t, "4"+strings.Repeat("x", 1_000_001)), reply{413, ""})
	want(t, "the session after it", c.post(t, "4still"), reply{200, "ok"})
	want(t, "version 3", func() reply { r, _ := c.do(t, "POST", c.query, "application/octet-stream", "x"); return r }(), reply{400, ""})
	c.wantReason(t, TransportError)
	want(t, "a GET after the end", c.get(t), reply{400, `{"code":1,"message":"Session ID unknown"}`})
}

func TestTheOwnerLearnsThatAClientGaveUp(t *testing.T) {
	t.Parallel()
	owner, edge, _ := pair(t, Options{})
	c := moved(t, owner, edge)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+edge.addr+"/socket.io/?"+c.query, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { // ends with the request
		answer, err := web.Do(request)
		if err == nil {
			answer.Body.Close()
		}
		ended <- err
	}()
	until(t, "the GET waits", func() bool { return c.session.Writable() })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
	c.wantReason(t, TransportError)
}

func TestAWebsocketIsTunnelledToTheOwner(t *testing.T) {
	t.Parallel()
	owner, edge, _ := pair(t, Options{})
	c := moved(t, owner, edge)
	pending := c.waiting(t)
	ws := c.candidate(t)
	ws.say(t, "2probe")
	if got := ws.text(t); got != "3probe" {
		t.Fatalf("probe answered %q", got)
	}
	want(t, "the GET that waited", <-pending, reply{200, "6"})
	ws.say(t, "5", "4direct")
	if got := ws.text(t); got != "4direct" {
		t.Errorf("got %q", got)
	}
	long := "4" + strings.Repeat("y", 200_000)
	ws.say(t, long)
	if got := ws.text(t); got != long {
		t.Errorf("got %d bytes, want %d", len(got), len(long))
	}
	if got := c.session.Transport(); got != "websocket" {
		t.Errorf("transport %q", got)
	}
	second := c.candidate(t)
	if got := second.code(t); got != 1000 {
		t.Errorf("second websocket closed with %d, want 1000", got)
	}
	ws.put(t, mask(finText|0x40, "4x")) // what the owner forbids has its answer
	if got := ws.code(t); got != 1002 {
		t.Errorf("closed with %d, want 1002", got)
	}
	c.wantReason(t, TransportError)
	until(t, "the tunnel has ended", func() bool {
		edge.passages.mu.Lock()
		defer edge.passages.mu.Unlock()
		return len(edge.passages.open) == 0
	})
}

func TestASideOfATunnelThatEndsEndsTheOther(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(t *testing.T, ws *client, c *pollClient, way *town)
		why  Reason
		code int
	}{
		{"client", func(_ *testing.T, ws *client, _ *pollClient, _ *town) { ws.Close() }, TransportClose, -1},
		{"client's close frame", func(t *testing.T, ws *client, _ *pollClient, _ *town) { ws.put(t, closeFrame(1000)) }, TransportClose, 1000},
		{"owner", func(_ *testing.T, _ *client, c *pollClient, _ *town) { c.session.Close(ForcedServerClose) }, ForcedServerClose, 1000},
		{"way", func(_ *testing.T, _ *client, _ *pollClient, way *town) {
			for len(way.dialled) > 0 {
				(<-way.dialled).Close()
			}
		}, TransportClose, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			owner, edge, way := pair(t, Options{})
			c := moved(t, owner, edge)
			ws := c.candidate(t)
			ws.say(t, "2probe", "5")
			ws.text(t)
			until(t, "upgraded", func() bool { return c.session.Transport() == "websocket" })
			test.end(t, ws, c, way)
			c.wantReason(t, test.why)
			if test.code >= 0 {
				if got := ws.code(t); got != test.code {
					t.Errorf("closed with %d, want %d", got, test.code)
				}
			}
		})
	}
}

func TestWhatCannotBeForwardedIsRefused(t *testing.T) {
	t.Parallel()
	owner, edge, way := pair(t, Options{})
	const unknown, away = `{"code":1,"message":"Session ID unknown"}`, `{"code":7,"message":"Session out of reach"}`
	id := moved(t, owner, edge).session.ID()
	ask := func(id string) (reply, http.Header) {
		return edge.do(t, "GET", "EIO=4&transport=polling&sid="+id, "", "")
	}
	for name, id := range map[string]string{"nobody's": "none" + id[4:], "the owner's, forged": "ownr" + strings.Repeat("a", 16), "the edge's": "edge" + id[4:], "short": "ownr"} {
		if got, _ := ask(id); got != (reply{400, unknown}) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got, _ := edge.do(t, "GET", "EIO=4&transport=websocket&sid="+id, "", ""); got != (reply{400, `{"code":3,"message":"Bad request"}`}) {
		t.Errorf("a websocket that is none: %+v", got)
	}
	way.lost = errors.New("redis is away")
	got, header := ask(id)
	if got != (reply{503, away}) || header.Get("Retry-After") != "1" {
		t.Errorf("without a way: got %+v, Retry-After %q", got, header.Get("Retry-After"))
	}
	var body struct{ Code int }
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Code != codeUnreachable {
		t.Errorf("body %q: %v", got.Body, err)
	}
}

func TestAnEndingServerLetsGoOfWhatItForwards(t *testing.T) {
	t.Parallel()
	owner, edge, _ := pair(t, Options{})
	polling, upgraded := moved(t, owner, edge), moved(t, owner, edge)
	ws := upgraded.candidate(t)
	ws.say(t, "2probe", "5")
	ws.text(t)
	until(t, "upgraded", func() bool { return upgraded.session.Transport() == "websocket" })
	pending := polling.waiting(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := edge.Shutdown(ctx, 50*time.Millisecond); err != nil {
		t.Error(err)
	}
	if got := <-pending; got.Status != http.StatusServiceUnavailable {
		t.Errorf("the GET that waited got %+v, want 503", got)
	}
	ws.code(t) // the end
	for _, c := range []*pollClient{polling, upgraded} {
		if why := c.reason(t); why != TransportClose && why != TransportError {
			t.Errorf("closed for %q", why)
		}
	}
	if got := polling.get(t); got.Status != http.StatusServiceUnavailable {
		t.Errorf("a GET after the end got %+v, want 503", got)
	}
}
