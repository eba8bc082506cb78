package web_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// routes is a small service with every kind of end.
func routes() http.Handler {
	mux := web.NewMux()
	mux.Handle("GET /ok", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		return web.WriteJSON(w, http.StatusOK, map[string]int{"balance": 100})
	}))
	mux.Handle("POST /bets", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		var b bet
		if err := web.Decode(w, r, &b); err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusCreated, b)
	}))
	mux.Handle("GET /rounds/{id}", web.Handle(func(http.ResponseWriter, *http.Request) error {
		return problem.Of(problem.NotFound, "There is no such round.")
	}))
	mux.Handle("GET /sql", web.Handle(func(http.ResponseWriter, *http.Request) error {
		return fmt.Errorf("settle round: %w", errors.New(`ERROR: relation "accounts" does not exist`))
	}))
	mux.Handle("GET /busy", web.Handle(func(http.ResponseWriter, *http.Request) error { return problem.Of(problem.Busy, "Try again.") }))
	mux.Handle("GET /panic", web.Handle(func(http.ResponseWriter, *http.Request) error { panic("secret at handlers.go:7") }))
	mux.Handle("GET /half", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		panic("in the middle")
	}))
	mux.Handle("GET /late", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusAccepted)
		return errors.New("too late to say so")
	}))
	mux.Handle("GET /nan", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		return web.WriteJSON(w, http.StatusOK, func() {})
	}))
	mux.HandleFunc("/any", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

func service(t *testing.T, o web.Options) *httptest.Server {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet
	}
	s := httptest.NewUnstartedServer(web.Stack(o, routes()))
	s.Config.ErrorLog = slog.NewLogLogger(quiet.Handler(), slog.LevelInfo)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, string(data)
}

func TestEveryReplyHasTheSecurityHeaders(t *testing.T) { // rows 69, 72, 74
	t.Parallel()
	s := service(t, web.Options{})
	tests := []struct {
		method, path, body string
		status             int
		code               problem.Code // "" for an answer that is no problem
	}{
		{"GET", "/ok", "", 200, ""},
		{"HEAD", "/ok", "", 200, ""},
		{"POST", "/bets", good, 201, ""},
		{"POST", "/bets", "{", 400, problem.BadJSON},
		{"POST", "/bets", `{"game":"` + strings.Repeat("a", 16<<10) + `"}`, 413, problem.BodyTooLarge},
		{"POST", "/bets", "", 415, problem.UnsupportedMediaType},
		{"GET", "/rounds/1", "", 404, problem.NotFound},
		{"GET", "/nowhere", "", 404, problem.NotFound},
		{"GET", "/", "", 404, problem.NotFound},
		{"DELETE", "/bets", "", 405, problem.MethodNotAllowed},
		{"TRACE", "/ok", "", 405, problem.MethodNotAllowed},
		{"TRACE", "/any", "", 405, problem.MethodNotAllowed},
		{"BREW", "/any", "", 405, problem.MethodNotAllowed},
		{"get", "/any", "", 405, problem.MethodNotAllowed},
		{"OPTIONS", "/bets", "", 405, problem.MethodNotAllowed},
		{"GET", "/any", "", 204, ""},
		{"GET", "/late", "", 202, ""},
		{"GET", "/sql", "", 500, problem.Internal},
		{"GET", "/nan", "", 500, problem.Internal},
		{"GET", "/panic", "", 500, problem.Internal},
		{"GET", "/busy", "", 503, problem.Busy},
	}
	for _, tt := range tests {
		name := tt.method + " " + tt.path
		resp, body := ask(t, tt.method, s.URL+tt.path, tt.body)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d (%s)", name, resp.StatusCode, tt.status, body)
		}
		if tt.code != "" {
			if got := resp.Header.Get("Content-Type"); got != "application/problem+json" || !strings.Contains(body, `"code":"`+string(tt.code)+`"`) {
				t.Errorf("%s: %s %s, want a problem with code %s", name, got, body, tt.code)
			}
		}
		if tt.path == "/late" && body != "" {
			t.Errorf("%s: a problem was added to a reply that had begun: %s", name, body)
		}
		for _, inside := range []string{"accounts", "secret", ".go:", "goroutine"} {
			if strings.Contains(body, inside) {
				t.Errorf("%s: the reply shows the inside: %s", name, body)
			}
		}
		got := map[string]string{}
		for header := range wantHeaders {
			got[header] = resp.Header.Get(header)
		}
		if diff := cmp.Diff(wantHeaders, got); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", name, diff)
		}
		if origin := resp.Header.Get("Access-Control-Allow-Origin"); origin != "" { // row 75
			t.Errorf("%s: open to %s", name, origin)
		}
	}
}

var wantHeaders = map[string]string{
	"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
	"Content-Security-Policy":   "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":    "nosniff",
	"Referrer-Policy":           "no-referrer",
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) { // row 69
	t.Parallel()
	s := service(t, web.Options{})
	for path, want := range map[string]string{"/bets": "POST", "/ok": "GET, HEAD"} {
		if resp, _ := ask(t, "PUT", s.URL+path, ""); resp.Header.Get("Allow") != want {
			t.Errorf("PUT %s: Allow %q, want %q", path, resp.Header.Get("Allow"), want)
		}
	}
}

func TestFailuresAreLoggedOnceWithTheirReason(t *testing.T) {
	t.Parallel()
	var out log
	s := service(t, web.Options{Logger: out.logger()})
	for _, tt := range []struct {
		path, want string
		lines      int
	}{
		{"/sql", `"level":"ERROR","msg":"request failed","method":"GET","path":"/sql","code":"internal"`, 1},
		{"/busy", `"level":"WARN"`, 1},
		{"/panic", `"msg":"handler panicked"`, 1},
		{"/late", `"msg":"request failed"`, 1},
		{"/rounds/1", "", 0},
		{"/ok", "", 0},
		{"/sql?token=eyJhbGciOi", "", 1},
	} {
		before := len(out.String())
		ask(t, "GET", s.URL+tt.path, "")
		written := out.String()[before:]
		if n := strings.Count(written, "\n"); n != tt.lines || !strings.Contains(written, tt.want) {
			t.Errorf("GET %s: %d lines, want %d with %q: %s", tt.path, n, tt.lines, tt.want, written)
		}
		if strings.Contains(written, "eyJ") {
			t.Errorf("GET %s: the query string is in the log: %s", tt.path, written)
		}
	}
	if !strings.Contains(out.String(), `relation \"accounts\"`) || !strings.Contains(out.String(), "stack_test.go") {
		t.Error("the log lacks the reason or the stack")
	}
}

func TestLoggedPathsStayOnOneLine(t *testing.T) { // row 61
	t.Parallel()
	var out log
	s := service(t, web.Options{Logger: out.logger()})
	c := dial(t, s.Listener.Addr().String())
	c.send(t, "GET /sql HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer(t)
	c.send(t, "GET /panic%0d%0a%7B%22severity%22:1%7D/../../sql HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer(t)
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, `{"time"`) {
			t.Errorf("a line that is no record: %q", line)
		}
	}
}

func TestAPanicEndsOneRequestOnly(t *testing.T) { // fault 40
	t.Parallel()
	s := service(t, web.Options{})
	c := dial(t, s.Listener.Addr().String())
	for range 3 { // the connection lives on
		c.send(t, "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, body := c.answer(t); resp.StatusCode != http.StatusInternalServerError || !strings.Contains(body, `"code":"internal"`) {
			t.Errorf("panic: %d %s", resp.StatusCode, body)
		}
	}
	c.send(t, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		return // cut before the reply's header: no half answer either
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer looks whole: %q", body)
	}
}

func TestAccessIsCountedByRoute(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s := service(t, web.Options{Registry: reg})
	for _, path := range []string{"/ok", "/ok", "/rounds/1", "/rounds/2", "/nowhere", "/elsewhere", "/panic"} {
		ask(t, "GET", s.URL+path, "")
	}
	ask(t, "BREW", s.URL+"/ok", "")
	got := map[string]uint64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "http_request_duration_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = m.GetHistogram().GetSampleCount()
		}
	}
	want := map[string]uint64{
		"GET GET /ok 2xx": 2, "GET GET /rounds/{id} 4xx": 2, "GET none 4xx": 2, "GET GET /panic 5xx": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if n, err := testutil.GatherAndCount(reg, "http_requests_in_flight"); err != nil || n != 1 {
		t.Errorf("http_requests_in_flight: %d series, %v", n, err)
	}
}

func TestAHandlerMayOpenItsPage(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
	})
	w := httptest.NewRecorder()
	web.Stack(web.Options{Logger: quiet}, page).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if got := w.Header().Get("Content-Security-Policy"); got != "default-src 'self'; frame-ancestors 'none'" {
		t.Errorf("Content-Security-Policy = %q", got)
	}
}

// BenchmarkStack is what a request costs beside its handler.
func BenchmarkStack(b *testing.B) {
	h := web.Handle(func(w http.ResponseWriter, _ *http.Request) error { web.WriteRaw(w, 200, []byte("{}")); return nil })
	for name, h := range map[string]http.Handler{
		"bare":              h,
		"stack":             web.Stack(web.Options{Logger: quiet, Registry: prometheus.NewRegistry()}, h),
		"stack, not traced": web.Stack(web.Options{Logger: quiet, Registry: prometheus.NewRegistry(), NoTrace: func(*http.Request) bool { return true }}, h),
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

func TestRefusalsForTheMomentAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	answers := []int{429, 503, 200, 503, 404, 500}
	next := 0
	h := web.Access(reg)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answers[next]) }))
	for next = range answers {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	const want = `
# HELP http_refused_total Requests refused for the moment: 429, the caller's limit, or 503, busy or away.
# TYPE http_refused_total counter
http_refused_total{status="429"} 1
http_refused_total{status="503"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "http_refused_total"); err != nil {
		t.Error(err)
	}
}
