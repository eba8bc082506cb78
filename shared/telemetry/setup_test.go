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

func TestFiguresReachTheCollector(t *testing.T) {
	got := make(chan string, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	m := NewMetrics()
	m.Read("socketio_cluster_size", "Containers.", func() float64 { return 3 })
	m.Latency("redis").Observe(time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { // ends with ctx
		m.Export(ctx, Config{Service: "realtime", Endpoint: collector.URL})
		close(ended)
	}()
	cancel()
	<-ended
	collector.CloseClientConnections()
	select {
	case sent := <-got:
		for _, want := range []string{"/v1/metrics ", "realtime", instance, "socketio_cluster_size", "redis_latency_p50", "redis_latency_seconds", "go_goroutines"} {
			if !strings.Contains(sent, want) {
				t.Errorf("no %q in what the collector got", want)
			}
		}
	default:
		t.Error("the last figures were not sent")
	}
}

func TestSamplerIsOfTheEnvironment(t *testing.T) {
	sampled := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	passed := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	for _, test := range []struct {
		name, arg               string
		alone, ofSampled, ofNot bool
		wrong                   bool
	}{
		{name: "", alone: true, ofSampled: true},
		{name: "parentbased_always_on", alone: true, ofSampled: true},
		{name: "parentbased_always_off", ofSampled: true},
		{name: "parentbased_traceidratio", arg: "0", ofSampled: true},
		{name: "parentbased_traceidratio", arg: "1", alone: true, ofSampled: true},
		{name: "always_on", alone: true, ofSampled: true, ofNot: true},
		{name: "always_off"},
		{name: "traceidratio", arg: "0"},
		{name: "traceidratio", arg: "1", alone: true, ofSampled: true, ofNot: true},
		{name: "traceidratio", arg: "1.5", wrong: true},
		{name: "traceidratio", arg: "NaN", wrong: true},
		{name: "traceidratio", arg: "a tenth", wrong: true},
		{name: "sometimes", wrong: true},
	} {
		shutdown, err := Setup(context.Background(), Config{Service: "actions", Endpoint: "http://127.0.0.1:1", Sampler: test.name, SamplerArg: test.arg, Logger: slog.New(slog.DiscardHandler)})
		if (err != nil) != test.wrong {
			t.Errorf("%q %q: %v", test.name, test.arg, err)
		}
		if err != nil {
			continue
		}
		for parent, want := range map[string]bool{"": test.alone, sampled: test.ofSampled, passed: test.ofNot} {
			_, span := Tracer("test").Start(WithTraceparent(context.Background(), parent), "bet")
			if got := span.IsRecording(); got != want {
				t.Errorf("%q %q, called with %q: recorded %v, want %v", test.name, test.arg, parent, got, want)
			}
		}
		if err := shutdown(context.Background()); err != nil { // no span has ended
			t.Error(err)
		}
	}
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
