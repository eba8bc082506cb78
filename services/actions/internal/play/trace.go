package play

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/shared/telemetry"
)

func tracer() trace.Tracer {
	return telemetry.Tracer("github.com/vegascore/vegascore/services/actions/internal/play")
}

// transaction starts the span of an attempt. It is in the trace of the set's first bet,
// whose context ctx is; the spans of the others are linked to it. Each bet has "place
// bet" in a trace of its own.
func transaction(ctx context.Context, bets []*Bet) (_ context.Context, end func(error)) {
	ctx, span := tracer().Start(ctx, "bet transaction")
	if !span.IsRecording() {
		return ctx, func(error) { span.End() }
	}
	span.SetAttributes(attribute.Int("bets", len(bets)))
	for _, b := range bets[1:] {
		span.AddLink(trace.Link{SpanContext: b.span})
	}
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "rolled back, or its end is unknown")
		}
		span.End()
	}
}
