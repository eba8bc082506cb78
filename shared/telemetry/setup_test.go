package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The tests here set process-wide state and run one after the other.

func TestWithoutACollectorSpansHaveIdsAndLeaveNothing(t *testing.T) {
	shutdown, err := Setup(context.Background(), Config{Service: "actions", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := Tracer("test").Start(WithTraceparent(context.Background(), parent), "bet")
	defer span.End()
	if got := Traceparent(ctx); !strings.HasPrefix(got, "00-4bf92f3577b34da6a3ce929d0e0e4736-") || got == parent {
		t.Errorf("Traceparent = %q, want a new span in the caller's trace", got)
	}
	rootCtx, root := Tracer("test").Start(context.Background(), "bet")
	defer root.End()
	if Traceparent(rootCtx) == "" {
		t.Error("a span without a parent has no ids")
	}
	if root.IsRecording() {
		t.Error("a span is recorded for nobody")
	}
	if err := shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestSpansReachTheCollector(t *testing.T) {
	got := make(chan string, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	shutdown, err := Setup(context.Background(), Config{Service: "actions", Endpoint: collector.URL + "/", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_, span := Tracer("test").Start(context.Background(), "settle round")
	span.End()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case sent := <-got:
		if !strings.HasPrefix(sent, "/v1/traces ") || !strings.Contains(sent, "settle round") || !strings.Contains(sent, "actions") {
			t.Errorf("collector got %.200q", sent)
		}
	default:
		t.Error("shutdown did not send the span")
	}
	collector.CloseClientConnections()
}

func TestSetupDoesNotWaitForACollectorThatIsAway(t *testing.T) {
	began := time.Now()
	shutdown, err := Setup(context.Background(), Config{Service: "actions", Endpoint: "http://192.0.2.1:4318", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Setup took %s", took)
	}
	if err := shutdown(context.Background()); err != nil { // no span waits
		t.Error(err)
	}
}
