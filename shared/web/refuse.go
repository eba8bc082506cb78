package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

// errNoReason stands for an error that is nil: who refuses has a reason.
var errNoReason = errors.New("refused without a reason")

// WriteProblem answers r with err as a problem document. Headers that the caller set
// on w before (Allow, security headers) stay; a Content-Length or
// Content-Encoding of the answer that did not come about is removed. WriteProblem
// logs nothing: whoever holds the logger does.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	if err == nil {
		err = errNoReason
	}
	p := problem.From(err)
	if p.Title == "" { // RFC 9457, section 4.2.1
		named := *p
		named.Title = http.StatusText(p.Status)
		p = &named
	}
	body, err := json.Marshal(p)
	if err != nil { // a member that does not encode: With says so
		body = []byte(`{"type":"about:blank","status":500,"code":"internal"}`)
	}
	h := w.Header()
	h.Del("Content-Encoding")
	h.Set("Content-Type", problem.ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		// Whole seconds (RFC 9110, section 10.2.3), rounded up: never too early.
		h.Set("Retry-After", strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if p.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", challenge(p.Code))
	}
	w.WriteHeader(p.Status)
	if r == nil || r.Method != http.MethodHead {
		// A caller that has gone away is no error of ours.
		_, _ = w.Write(body)
	}
}

// challenge names what a 401 wants (RFC 6750, section 3).
func challenge(c problem.Code) string {
	if c == problem.TokenMissing {
		return `Bearer realm="vegascore"`
	}
	return `Bearer realm="vegascore", error="invalid_token"`
}
