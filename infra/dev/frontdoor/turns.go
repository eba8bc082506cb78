package frontdoor

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"time"
)

// turns sends each request to the next container, and to the one after it when a
// container cannot be reached or refuses new sessions. A request of an Engine.IO
// session (sid in its query) goes to the container that opened it.
type turns struct {
	containers []Service
	transport  http.RoundTripper
	next       atomic.Uint64
	sessions   sessions
}

func newTurns(containers []Service, transport http.RoundTripper) *turns {
	return &turns{containers: containers, transport: transport, sessions: sessions{owners: map[string]owner{}}}
}

// RoundTrip implements http.RoundTripper.
func (t *turns) RoundTrip(r *http.Request) (*http.Response, error) {
	sid := r.URL.Query().Get("sid")
	first, known := t.sessions.find(sid)
	if !known {
		first = int(t.next.Add(1)-1) % len(t.containers)
	}
	var last error
	for i := range t.containers {
		to := t.containers[(first+i)%len(t.containers)]
		attempt := aim(r, to.URL)
		answer, err := t.transport.RoundTrip(attempt)
		if err != nil {
			if last = err; unreached(err) {
				continue // nothing was sent: the next one may have it
			}
			return nil, err
		}
		// A draining container refuses new sessions. Only a request without a body can
		// be asked again.
		if answer.StatusCode == http.StatusServiceUnavailable && sid == "" && r.Method == http.MethodGet && i+1 < len(t.containers) {
			answer.Body.Close()
			continue
		}
		answer.Request = attempt // learn reads from it who answered
		return answer, nil
	}
	return nil, last
}

func aim(r *http.Request, at *url.URL) *http.Request {
	attempt := r.Clone(r.Context())
	attempt.URL.Scheme, attempt.URL.Host = at.Scheme, at.Host
	return attempt
}

func unreached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

var openPacket = regexp.MustCompile(`^0\{[^}]*"sid":"([^"]{1,64})"`)

// learn notes the session that the answer to a polling handshake opens: a packet of
// type 0 with the session id, at the start of the body.
func (t *turns) learn(answer *http.Response) error {
	query := answer.Request.URL.Query()
	if answer.StatusCode != http.StatusOK || query.Get("sid") != "" || query.Get("transport") != "polling" {
		return nil
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(answer.Body, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	head = head[:n]
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), answer.Body), answer.Body}
	found := openPacket.FindSubmatch(head)
	if found == nil {
		return nil
	}
	for i, c := range t.containers {
		if c.URL.Host == answer.Request.URL.Host {
			t.sessions.add(string(found[1]), i)
		}
	}
	return nil
}

// sessionIdle is how long an unused session is remembered: longer than a session
// lives without a request (ping interval and timeout, 45 s).
const sessionIdle = 2 * time.Minute

// sessions remembers which container opened which session.
type sessions struct {
	mu     sync.Mutex
	owners map[string]owner
	swept  time.Time
}

type owner struct {
	container int
	used      time.Time
}

func (s *sessions) add(sid string, container int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.owners[sid] = owner{container, now}
	if now.Sub(s.swept) < sessionIdle {
		return
	}
	s.swept = now
	for sid, o := range s.owners {
		if now.Sub(o.used) > sessionIdle {
			delete(s.owners, sid)
		}
	}
}

func (s *sessions) find(sid string) (container int, known bool) {
	if sid == "" {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, known := s.owners[sid]
	if known {
		o.used = time.Now()
		s.owners[sid] = o
	}
	return o.container, known
}
