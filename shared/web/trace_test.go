package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/shared/web"
)

// It sets the global provider and so runs alone.
func TestSpansContinueTheCallersTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sdk.AlwaysSample()))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	defer func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	h := web.Stack(web.Options{Logger: quiet, NoTrace: func(r *http.Request) bool { return r.URL.Path == "/any" }}, routes())
	for _, path := range []string{"/ok", "/rounds/7", "/sql", "/panic", "/nowhere", "/any"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	var got []string
	for _, s := range spans.GetSpans() {
		if s.SpanContext.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || s.Parent.SpanID().String() != "00f067aa0ba902b7" || s.SpanKind != trace.SpanKindServer {
			t.Errorf("%s is not a server span in the caller's trace", s.Name)
		}
		var status int64
		for _, a := range s.Attributes {
			if a.Key == "http.response.status_code" {
				status = a.Value.AsInt64()
			}
		}
		got = append(got, fmt.Sprint(s.Name, " ", status, " ", s.Status.Code == codes.Error))
	}
	slices.Sort(got)
	want := []string{"GET /ok 200 false", "GET /panic 500 true", "GET /rounds/{id} 404 false", "GET /sql 500 true", "GET 404 false"}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestHandlersLogUnderTheSpan(t *testing.T) {
	var span trace.SpanContext
	h := web.Stack(web.Options{Logger: quiet}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		span = trace.SpanContextFromContext(r.Context())
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	otel.SetTextMapPropagator(propagation.TraceContext{})
	h.ServeHTTP(httptest.NewRecorder(), r)
	if span.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("the handler's context has trace %s", span.TraceID())
	}
}
