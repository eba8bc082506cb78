package play

import (
	"testing"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// It sets the process's tracer provider, so it does not run in parallel.
func TestATransactionIsLinkedToEachOfItsBets(t *testing.T) {
	before := otel.GetTracerProvider()
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)))
	defer otel.SetTracerProvider(before)
	h := open(t)
	bets := []*Bet{h.bet(h.guest("Ada"), "k", 1, losing), h.bet(h.guest("Bob"), "k", 1, losing), h.bet(h.guest("Cleo"), "k", 1, losing)}
	ctx := t.Context()
	for i, b := range bets {
		own, span := tracer().Start(t.Context(), "place bet")
		b.span = span.SpanContext()
		if i == 0 {
			ctx = own
		}
	}
	if _, err := h.desk.place(ctx, bets); err != nil {
		t.Fatal(err)
	}
	for _, s := range recorder.Ended() {
		if s.Name() != "bet transaction" {
			continue
		}
		if s.Parent().SpanID() != bets[0].span.SpanID() || len(s.Links()) != 2 {
			t.Fatalf("under %s with %d links; want the first bet and links to two", s.Parent().SpanID(), len(s.Links()))
		}
		for i, link := range s.Links() {
			if link.SpanContext.TraceID() != bets[i+1].span.TraceID() {
				t.Errorf("link %d is not to bet %d", i, i+1)
			}
		}
		return
	}
	t.Error("no span of the transaction")
}
