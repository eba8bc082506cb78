package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// instance is chosen by each process.
var instance = uuid.NewString()

// lastExport bounds the sending of the figures at the end.
const lastExport = 500 * time.Millisecond

// Export sends the registry's figures to the OTLP endpoint of c until ctx ends, and
// then once more, so that the last ones of a job arrive as well. The time between two is
// OTEL_METRIC_EXPORT_INTERVAL in milliseconds, a minute when empty. Without an endpoint
// it returns at once. What fails is logged as Setup says.
func (m *Metrics) Export(ctx context.Context, c Config) {
	if c.Endpoint == "" {
		return
	}
	exporter, err := otlpmetrichttp.New(ctx, // does not connect yet
		otlpmetrichttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/")+"/v1/metrics"), otlpmetrichttp.WithTimeout(5*time.Second))
	if err != nil {
		otel.Handle(fmt.Errorf("set up export of figures: %w", err))
		return
	}
	provider := metric.NewMeterProvider(
		metric.WithResource(c.resource()),
		metric.WithReader(metric.NewPeriodicReader(exporter, metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(m.Registry))))))
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastExport)
	defer cancel()
	if err := provider.Shutdown(last); err != nil {
		otel.Handle(fmt.Errorf("send the last figures: %w", err))
	}
}

// resource is what spans and figures say about the process. The instance tells two
// containers of one service apart.
func (c Config) resource() *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", c.Service),
		attribute.String("service.version", c.Version),
		attribute.String("service.instance.id", instance))
}
