package frontdoor

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
)

// turns sends each request to the next container, and to the one after it when a
// container cannot be reached or refuses new sessions. It knows nothing of sessions:
// the containers forward for each other.
type turns struct {
	containers []Service
	transport  http.RoundTripper
	next       atomic.Uint64
}

func newTurns(containers []Service, transport http.RoundTripper) *turns {
	return &turns{containers: containers, transport: transport}
}

// RoundTrip implements http.RoundTripper.
func (t *turns) RoundTrip(r *http.Request) (*http.Response, error) {
	first := int(t.next.Add(1)-1) % len(t.containers)
	opens := r.Method == http.MethodGet && r.URL.Query().Get("sid") == ""
	var last error
	for i := range t.containers {
		to := t.containers[(first+i)%len(t.containers)]
		answer, err := t.transport.RoundTrip(aim(r, to.URL))
		if err != nil {
			if last = err; unreached(err) {
				continue // nothing was sent: the next one may have it
			}
			return nil, err
		}
		// A draining container refuses new sessions. Only a request without a body can
		// be asked again.
		if answer.StatusCode == http.StatusServiceUnavailable && opens && i+1 < len(t.containers) {
			_ = answer.Body.Close()
			continue
		}
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
