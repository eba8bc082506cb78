package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/vegascore/vegascore/services/actions/internal/openapi"
	"github.com/vegascore/vegascore/shared/problem"
)

// described is the service's own description, ready to hold messages against.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Document())
	if err != nil {
		return nil, err
	}
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	return gorillamux.NewRouter(doc)
})

// conforms fails the test unless the answer is one that the description has for the
// request, and the request too if it was taken. path is where the request goes when all
// functions are served.
func conforms(t *testing.T, r *http.Request, path, body string, got reply) {
	t.Helper()
	if err := conformity(t, r, path, body, got); err != nil {
		t.Errorf("%s %s: %d %.1000s: not as described: %v", r.Method, r.URL.Path, got.status, got.body, err)
	}
}

func conformity(t *testing.T, r *http.Request, path, body string, got reply) error {
	t.Helper()
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	ask := r.Clone(t.Context())
	ask.URL.Path, ask.URL.RawPath, ask.Body = path, "", io.NopCloser(strings.NewReader(body))
	if ask.Method == http.MethodHead {
		ask.Method = http.MethodGet
	}
	route, values, err := router.FindRoute(ask)
	if err != nil { // no such path, or no such method there
		if !slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed}, got.status) {
			return err
		}
		return isProblem(router, got)
	}
	options := openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	input := &openapi3filter.RequestValidationInput{Request: ask, PathParams: values, Route: route, Options: &options}
	if got.status/100 == 2 {
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	options.ExcludeResponseBody = r.Method == http.MethodHead
	return openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.status, Header: got.header, Body: io.NopCloser(strings.NewReader(got.body)), Options: &options,
	})
}

// isProblem checks an answer that belongs to no operation.
func isProblem(router routers.Router, got reply) error {
	r, err := http.NewRequest(http.MethodGet, "/v1/problems/none", nil)
	if err != nil {
		return err
	}
	route, _, err := router.FindRoute(r)
	if err != nil {
		return err
	}
	if media := got.header.Get("Content-Type"); media != problem.ContentType {
		return fmt.Errorf("content type %q", media)
	}
	var document any
	got.decode(&document)
	return route.Spec.Components.Schemas["Problem"].Value.VisitJSON(document, openapi3.EnableJSONSchema2020())
}

// full is the path that a request has behind the front door. A function that is alone
// answers at every path: a wildcard is the last segment, or the one before what follows
// it in the function's own path.
func (s *service) full(path string) string {
	own, alone := functionPaths()[s.target()]
	if !alone || slices.Contains(probes, "GET "+path) {
		return path
	}
	before, rest, found := strings.Cut(own, "{")
	if !found {
		return own
	}
	_, after, _ := strings.Cut(rest, "}")
	path = strings.TrimSuffix(path, after)
	return before + path[strings.LastIndexByte(path, '/')+1:] + after
}

// target is the function that the service serves alone, or "".
func (s *service) target() string {
	for _, pair := range slices.Backward(s.cmd.Env) {
		if name, found := strings.CutPrefix(pair, "FUNCTION_TARGET="); found {
			return name
		}
	}
	return ""
}

// heard holds an answer of the service against the description, unless it is one of the
// internal listener or there was none.
func (s *service) heard(r *http.Request, body string, got reply) reply {
	if s.cmd != nil && got.status != 0 && !strings.HasPrefix(r.URL.Path, "/debug/") && r.URL.Path != "/metrics" {
		conforms(s.t, r, s.full(r.URL.Path), body, got)
	}
	return got
}
