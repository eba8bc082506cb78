package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Setup makes the process's tracer provider and propagator (W3C trace context)
// the global ones. Without Config.Endpoint spans carry ids and are not recorded.
//
// shutdown sends the spans that wait and ends the exporter's goroutine; call it
// when everything else has ended, with a context that bounds the time.
func Setup(ctx context.Context, c Config) (shutdown func(context.Context) error, err error) {
	sampler, err := c.sampler()
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	options := []sdk.TracerProviderOption{sdk.WithResource(c.resource())}
	if c.Endpoint == "" {
		options = append(options, sdk.WithSampler(sdk.NeverSample()))
	} else {
		exporter, err := otlptracehttp.New(ctx, // does not connect yet
			otlptracehttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/")+"/v1/traces"), otlptracehttp.WithTimeout(5*time.Second))
		if err != nil {
			return nil, fmt.Errorf("set up span export: %w", err)
		}
		options = append(options, sdk.WithSampler(sampler), sdk.WithBatcher(exporter))
	}
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("telemetry failed", "error", err.Error())
	}))
	provider := sdk.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider.Shutdown, nil
}

// Tracer returns a tracer of the global provider; name is the package's path.
func Tracer(name string) trace.Tracer { return otel.Tracer(name) }

// traceparent is the header's name and the key of our own carriers.
const traceparent = "traceparent"

// Traceparent returns the context's span as a W3C traceparent, and "" when
// there is none. It goes into outbox rows and room events.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparent]
}

// WithTraceparent returns a context whose spans continue the trace of s. A text
// that is no traceparent changes nothing.
func WithTraceparent(ctx context.Context, s string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: s})
}
