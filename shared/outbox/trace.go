package outbox

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/shared/telemetry"
)

// sampled ends a traceparent whose trace is exported (W3C Trace Context).
const sampled = "-01"

// spans says how the sending of a row is called in traces, and over what it goes.
var spans = map[Sink]struct{ name, system string }{
	Room: {"publish room event", "redis"},
	Fact: {"publish fact", "gcp_pubsub"},
}

// trace starts a span for each row of an exported trace, as a child of what wrote the
// row; rows go out in batches, each in a trace of its own. What a fact causes becomes a
// child of that span. The text of a room event is as it was written. ended takes how many
// of the first rows are out.
func (d *Drainer) trace(rows []Row) (ended func(sent int)) {
	var open []trace.Span
	var at []int // of its row
	for i := range rows {
		r := &rows[i]
		if !strings.HasSuffix(r.Traceparent, sampled) {
			continue
		}
		kind := spans[d.sink]
		ctx, span := telemetry.Tracer("github.com/vegascore/vegascore/shared/outbox").Start(
			telemetry.WithTraceparent(context.Background(), r.Traceparent), kind.name, trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(
				attribute.String("messaging.system", kind.system),
				attribute.String("messaging.message.id", r.EventID.String()),
				attribute.String("event.type", r.Type)))
		if d.sink == Fact {
			r.Traceparent = telemetry.Traceparent(ctx)
		}
		open, at = append(open, span), append(at, i)
	}
	return func(sent int) {
		for i, span := range open {
			if at[i] >= sent {
				span.SetStatus(codes.Error, "not sent, comes again")
			}
			span.End()
		}
	}
}
