package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// ContentType is the media type of a problem document (RFC 9457, section 3).
const ContentType = "application/problem+json"

// document is the wire form; the order of the fields is the order on the wire.
type document struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     Code   `json:"code"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
}

// MarshalJSON returns the problem document, the members of its own last and in the order
// of their names. The reason and RetryAfter are not in it.
func (p *Problem) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(document{p.Type, p.Title, p.Status, p.Code, p.Detail, p.Instance})
	if err != nil || len(p.Members) == 0 {
		return text, err
	}
	more, err := json.Marshal(p.Members)
	if err != nil {
		return nil, err
	}
	text[len(text)-1] = ','
	return append(text, more[1:]...), nil
}

// UnmarshalJSON reads a problem document, for clients and tests.
func (p *Problem) UnmarshalJSON(data []byte) error {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	*p = Problem{Type: d.Type, Title: d.Title, Status: d.Status, Code: d.Code, Detail: d.Detail, Instance: d.Instance}
	return nil
}

// Write answers r with err as a problem document. Headers that the caller set
// on w before (Allow, security headers) stay; a Content-Length or
// Content-Encoding of the answer that did not come about is removed. Write logs
// nothing: whoever holds the logger does.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := From(err)
	if p == nil {
		p = Of(Internal, internalDetail)
	}
	body, err := json.Marshal(p)
	if err != nil { // a member that does not encode: With says so
		body = []byte(`{"type":"about:blank","status":500,"code":"internal"}`)
	}
	h := w.Header()
	h.Del("Content-Encoding")
	h.Set("Content-Type", ContentType)
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
func challenge(c Code) string {
	if c == TokenMissing {
		return `Bearer realm="vegascore"`
	}
	return `Bearer realm="vegascore", error="invalid_token"`
}
