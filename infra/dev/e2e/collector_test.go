package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is what a collector gets, as far as the tests look at it.
type span struct{ trace, id, parent, service, name string }

// collector is an OTLP/HTTP endpoint for traces; figures are taken and dropped.
type collector struct {
	url string

	mu    sync.Mutex
	spans []span
	paths map[string]int
}

func newCollector(t *testing.T) *collector {
	c := &collector{paths: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("collector: %v", err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		zipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = zipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var request collect.ExportTraceServiceRequest
	if r.URL.Path == "/v1/traces" {
		if err := proto.Unmarshal(text, &request); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths[r.URL.Path]++
	for _, from := range request.GetResourceSpans() {
		service := ""
		for _, a := range from.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range from.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, span{hex.EncodeToString(s.GetTraceId()), hex.EncodeToString(s.GetSpanId()),
					hex.EncodeToString(s.GetParentSpanId()), service, s.GetName()})
			}
		}
	}
	return nil
}

// of returns the spans of a trace.
func (c *collector) of(trace string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.spans), func(s span) bool { return s.trace != trace })
}

// took reports whether something came at a path.
func (c *collector) took(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paths[path] > 0
}

// has reports whether a "service: name" is among spans.
func has(spans []span, want string) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.service+": "+s.name == want })
}
