package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/problem"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// fixed is the event that every form of delivery in these tests carries.
var fixed = event.Event{
	ID: uuid.MustParse("0199a000-0000-7000-8000-000000000001"), Source: event.Source, Type: event.TypeRoundSettled,
	Subject: "dice-1", Time: time.Date(2026, 3, 14, 12, 0, 0, 123_000_000, time.UTC), Traceparent: parent,
	Data: []byte(`{"round":"r"}`),
}

// consumer records what it was given and answers with what it was told.
type consumer struct {
	mu      sync.Mutex
	got     []event.Event
	traces  []string
	outcome inbox.Outcome
	err     error
	during  func(ctx context.Context)
}

func (c *consumer) Handle(ctx context.Context, e event.Event) (inbox.Outcome, error) {
	if c.during != nil {
		c.during(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, e)
	c.traces = append(c.traces, trace.SpanContextFromContext(ctx).TraceID().String())
	return c.outcome, c.err
}

// verifier takes the token "good" alone.
type verifier struct{}

func (verifier) Verify(_ context.Context, r *http.Request) error {
	switch r.Header.Get("Authorization") {
	case "Bearer good":
		return nil
	case "":
		return problem.Of(problem.TokenMissing, "no token")
	default:
		return problem.Of(problem.Forbidden, "other account")
	}
}

func function(c *consumer) *Function {
	if c.outcome == "" && c.err == nil {
		c.outcome = inbox.Applied
	}
	return &Function{
		Name: "test", Verifier: verifier{}, Consumer: c,
		Metrics: NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
	}
}

func request(body string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/push/test", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func answer(f *Function, r *http.Request) (status int, code string) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var p problem.Problem
	if w.Body.Len() > 0 && p.UnmarshalJSON(w.Body.Bytes()) == nil {
		code = string(p.Code)
	}
	return w.Code, code
}

func counted(f *Function, outcome string) float64 {
	return testutil.ToFloat64(f.Metrics.deliveries.WithLabelValues("test", outcome))
}

func TestEveryFormOfDeliveryCarriesTheSameEvent(t *testing.T) {
	t.Parallel()
	structured, err := event.New(fixed.ID, fixed.Type, fixed.Subject, fixed.Time, fixed.Data, parent)
	if err != nil {
		t.Fatal(err)
	}
	binary := []string{"Content-Type", "application/json; charset=utf-8", "ce-specversion", "1.0", "ce-id", fixed.ID.String(),
		"ce-source", fixed.Source, "ce-type", fixed.Type, "ce-subject", fixed.Subject, "ce-time", "2026-03-14T12:00:00.123Z", "ce-traceparent", parent}
	for name, r := range map[string]*http.Request{
		"structured":                       request(string(structured), "Content-Type", "application/cloudevents+json"),
		"binary":                           request(string(fixed.Data), binary...),
		"envelope":                         request(envelopeOf(fixed, `"ce-traceparent":"`+parent+`"`), "Content-Type", "application/json"),
		"envelope with a bare traceparent": request(envelopeOf(fixed, `"traceparent":"`+parent+`"`), "Content-Type", "application/json"),
	} {
		c := &consumer{}
		f := function(c)
		if status, code := answer(f, r); status != http.StatusNoContent {
			t.Errorf("%s: answer = %d %s; want 204", name, status, code)
			continue
		}
		if diff := cmp.Diff([]event.Event{fixed}, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if want := "0af7651916cd43dd8448eb211c80319c"; c.traces[0] != want {
			t.Errorf("%s: handled in trace %s; want the event's, %s", name, c.traces[0], want)
		}
	}
}

func TestUnreadableDeliveriesAreNotAcknowledged(t *testing.T) {
	t.Parallel()
	js := []string{"Content-Type", "application/json"}
	broken := fixed
	broken.Data = []byte(`{`)
	for name, test := range map[string]struct {
		r      *http.Request
		status int
		code   problem.Code
	}{
		"no body":             {request("", js...), 400, problem.BadJSON},
		"no JSON":             {request("{", js...), 400, problem.BadJSON},
		"an array":            {request("[]", js...), 400, problem.BadJSON},
		"no message":          {request("{}", js...), 400, problem.MissingField},
		"null message":        {request(`{"message":null}`, js...), 400, problem.MissingField},
		"no attributes":       {request(`{"message":{"data":"e30="}}`, js...), 400, problem.MissingField},
		"data is no base64":   {request(`{"message":{"attributes":{},"data":"***"}}`, js...), 400, problem.BadJSON},
		"attributes lacking":  {request(`{"message":{"attributes":{"ce-id":"1"},"data":"e30="}}`, js...), 400, problem.BadJSON},
		"data is no JSON":     {request(envelopeOf(broken, `"a":"b"`), js...), 400, problem.BadJSON},
		"two values":          {request(envelopeOf(fixed, `"a":"b"`)+"{}", js...), 400, problem.BadJSON},
		"a form":              {request("a=b", "Content-Type", "application/x-www-form-urlencoded"), 415, problem.UnsupportedMediaType},
		"no type":             {request("{}"), 415, problem.UnsupportedMediaType},
		"unreadable type":     {request("{}", "Content-Type", ";;"), 415, problem.UnsupportedMediaType},
		"a batch":             {request("[]", "Content-Type", "application/cloudevents-batch+json"), 400, problem.BadJSON},
		"structured garbage":  {request("{}", "Content-Type", "application/cloudevents+json"), 400, problem.BadJSON},
		"binary without id":   {request("{}", "Content-Type", "application/json", "ce-specversion", "1.0"), 400, problem.BadJSON},
		"binary, old version": {request("{}", "Content-Type", "application/json", "ce-specversion", "0.1", "ce-id", "x"), 400, problem.BadJSON},
		"too large":           {request(`{"message":"`+strings.Repeat("x", maxDelivery)+`"}`, js...), 413, problem.BodyTooLarge},
	} {
		c := &consumer{}
		f := function(c)
		status, code := answer(f, test.r)
		if status != test.status || code != string(test.code) {
			t.Errorf("%s: answer = %d %s; want %d %s", name, status, code, test.status, test.code)
		}
		if len(c.got) != 0 || counted(f, poison) != 1 {
			t.Errorf("%s: handled %d times, counted as poison %v times; want 0 and 1", name, len(c.got), counted(f, poison))
		}
	}
}

// untouched fails the test when the body is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read before the token was checked")
	return 0, io.EOF
}

func TestTheTokenIsCheckedFirst(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]int{"": 401, "Bearer other": 403} {
		c := &consumer{}
		f := function(c)
		r := httptest.NewRequest(http.MethodPost, "/push/test", untouched{t})
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		if status, _ := answer(f, r); status != want || len(c.got) != 0 || counted(f, refused) != 1 {
			t.Errorf("token %q: answer = %d, handled %d, refused %v; want %d, 0, 1", token, status, len(c.got), counted(f, refused), want)
		}
	}
}

func TestAnswersDecideAboutRedelivery(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome inbox.Outcome
		err     error
		status  int
		code    problem.Code
		counted string
	}{
		"applied":      {inbox.Applied, nil, 204, "", "applied"},
		"duplicate":    {inbox.Duplicate, nil, 204, "", "duplicate"},
		"unknown type": {inbox.Ignored, nil, 204, "", "ignored"},
		"poison":       {"", problem.Of(problem.ParamsInvalid, "no"), 422, problem.ParamsInvalid, "poison"},
		"out of reach": {"", problem.Of(problem.Unavailable, "later"), 503, problem.Unavailable, "failed"},
		"too late":     {"", context.DeadlineExceeded, 503, problem.Unavailable, "failed"},
		"a bug":        {"", errors.New("index out of range"), 500, problem.Internal, "failed"},
	} {
		f := function(&consumer{outcome: test.outcome, err: test.err})
		status, code := answer(f, request(envelopeOf(fixed, `"a":"b"`), "Content-Type", "application/json"))
		if status != test.status || code != string(test.code) || counted(f, test.counted) != 1 {
			t.Errorf("%s: answer = %d %s, counted %v; want %d %s, counted once", name, status, code, counted(f, test.counted), test.status, test.code)
		}
	}
}

func TestASenderThatGivesUpDoesNotBreakTheHandling(t *testing.T) {
	t.Parallel()
	sender, hangUp := context.WithCancel(t.Context())
	c := &consumer{during: func(ctx context.Context) {
		hangUp()
		if err := ctx.Err(); err != nil {
			t.Errorf("the handling ended with its sender: %v", err)
		}
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the handling has no deadline of its own")
		}
	}}
	r := request(envelopeOf(fixed, `"a":"b"`), "Content-Type", "application/json").WithContext(sender)
	if status, _ := answer(function(c), r); status != http.StatusNoContent || len(c.got) != 1 {
		t.Errorf("answer = %d, handled %d times; want 204 and 1", status, len(c.got))
	}
}
