package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vegascore/vegascore/services/actions/internal/openapi"
	"github.com/vegascore/vegascore/shared/problem"
)

// described is the service's own description, ready to hold messages against.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Document())
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// exchange is a request that went over the wire and its answer. path is where the request
// goes when all functions are served.
type exchange struct {
	request    *http.Request
	path, body string
	got        reply
}

// heard keeps an exchange until the test ends, so that no figure of a test counts the time
// that its check takes. Those of the internal listener are not described.
func (s *service) heard(r *http.Request, body string, got reply) reply {
	if s.cmd != nil && r.URL.Path != "/metrics" && !strings.HasPrefix(r.URL.Path, "/debug/") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.exchanges = append(s.exchanges, exchange{r, s.full(r.URL.Path), body, got})
	}
	return got
}

// conforms fails the test unless each answer of the service is one that the description
// has for its request, and each request too that was taken.
func (s *service) conforms() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.exchanges {
		if err := conformity(s.t, e.request, e.path, e.body, e.got); err != nil {
			s.t.Errorf("%s %s: %d %.1000s: not as described: %v", e.request.Method, e.request.URL.Path, e.got.status, e.got.body, err)
		}
	}
}

// conformity says in what the answer, or a request that was taken, is not as described.
func conformity(t *testing.T, r *http.Request, path, body string, got reply) error {
	t.Helper()
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background() // that of a test is over when it ends
	ask := r.Clone(ctx)
	ask.URL.Path, ask.URL.RawPath, ask.Body = path, "", io.NopCloser(strings.NewReader(body))
	if ask.Method == http.MethodHead {
		ask.Method = http.MethodGet
	}
	route, values, err := router.FindRoute(ask)
	if err != nil { // no such path, or no such method there
		if !slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed}, got.status) {
			return err
		}
		return isProblem(got)
	}
	// Bodies are checked here, by schemas that are compiled once.
	options := openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, ExcludeRequestBody: true, ExcludeResponseBody: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	input := &openapi3filter.RequestValidationInput{Request: ask, PathParams: values, Route: route, Options: &options}
	method := strings.ToLower(ask.Method)
	if got.status/100 == 2 {
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		if described := route.Operation.RequestBody; described != nil {
			if err := fits(described.Value.Content, ask.Header.Get("Content-Type"), body, "paths", route.Path, method, "requestBody"); err != nil {
				return fmt.Errorf("request: %w", err)
			}
		} else if body != "" {
			return errors.New("request: a body, and none is described")
		}
	}
	if err := openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: got.status, Header: got.header, Body: http.NoBody, Options: &options,
	}); err != nil || r.Method == http.MethodHead {
		return err
	}
	status := strconv.Itoa(got.status)
	return fits(route.Operation.Responses.Value(status).Value.Content, got.header.Get("Content-Type"), got.body, "paths", route.Path, method, "responses", status)
}

// isProblem checks an answer that belongs to no operation.
func isProblem(got reply) error {
	if media := got.header.Get("Content-Type"); media != problem.ContentType {
		return fmt.Errorf("content type %q", media)
	}
	s, err := schemaAt("components", "schemas", "Problem")
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err != nil {
		return err
	}
	return s.Validate(document)
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
