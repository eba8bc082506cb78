package outbox

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const (
	of      = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	another = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb"
)

// firstOnly is a sink that takes one row.
type firstOnly struct{ got []Row }

func (f *firstOnly) Send(_ context.Context, rows []Row) (int, error) {
	f.got = append([]Row(nil), rows...)
	return 1, nil
}

// It sets the process's tracer provider, so it does not run in parallel.
func TestEachRowIsSentInTheTraceThatWroteIt(t *testing.T) {
	before := otel.GetTracerProvider()
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)))
	defer otel.SetTracerProvider(before)
	row := func(parent string) Row { return Row{EventID: uuid.New(), Type: "round", Traceparent: parent} }
	for sink, kept := range map[Sink]bool{Room: true, Fact: false} {
		seen := len(recorder.Ended())
		to := &firstOnly{}
		d := NewDrainer(nil, sink, to, Options{}, slog.New(slog.DiscardHandler))
		rows := []Row{row(of + "-01"), row(another + "-01"), row(another + "-00"), row("")}
		if sent, err := d.send(t.Context(), rows); sent != 1 || err == nil {
			t.Fatalf("sent %d, %v", sent, err)
		}
		spans := recorder.Ended()[seen:]
		if len(spans) != 2 {
			t.Fatalf("%s: %d spans, want one for each of the two traces that are exported", sink, len(spans))
		}
		for i, want := range []string{of, another} {
			s := spans[i]
			if got := s.SpanContext().TraceID().String(); got != want[3:35] || s.Parent().SpanID().String() != want[36:] {
				t.Errorf("%s: span %d is in %s under %s, want %s", sink, i, got, s.Parent().SpanID(), want)
			}
			if failed := s.Status().Code == codes.Error; failed != (i == 1) {
				t.Errorf("%s: span %d failed: %v", sink, i, failed)
			}
			parent := "00-" + s.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"
			if kept {
				parent = want + "-01"
			}
			if got := to.got[i].Traceparent; got != parent {
				t.Errorf("%s: the row left with %s, want %s", sink, got, parent)
			}
		}
		if to.got[2].Traceparent != another+"-00" || to.got[3].Traceparent != "" {
			t.Errorf("%s: rows without a trace were changed: %+v", sink, to.got[2:])
		}
	}
}

// What tracing costs a batch of 500 rows: not exported, and exported.
func BenchmarkTrace(b *testing.B) {
	for name, flags := range map[string]string{"passed by": "-00", "recorded": "-01"} {
		b.Run(name, func(b *testing.B) {
			before := otel.GetTracerProvider()
			otel.SetTracerProvider(sdk.NewTracerProvider())
			defer otel.SetTracerProvider(before)
			d := NewDrainer(nil, Fact, nil, Options{}, slog.New(slog.DiscardHandler))
			b.ReportAllocs()
			for b.Loop() {
				rows := make([]Row, 500)
				for i := range rows {
					rows[i].Traceparent = of + flags
				}
				d.trace(rows)(len(rows))
			}
		})
	}
}
