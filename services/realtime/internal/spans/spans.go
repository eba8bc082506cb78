// Package spans continues traces into the sockets: the delivery of a room event
// that carries a traceparent becomes a span of the trace that caused it.
package spans

import (
	"bytes"
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// Adapter wraps an adapter. Use it only when spans are exported: it looks into
// every event that others publish.
func Adapter(inner socketio.Adapter) socketio.Adapter {
	return adapter{inner, telemetry.Tracer("github.com/vegascore/vegascore/services/realtime")}
}

type adapter struct {
	inner  socketio.Adapter
	tracer trace.Tracer
}

func (a adapter) Open(ns socketio.Local) (socketio.Bus, error) {
	return a.inner.Open(traced{ns, a.tracer})
}

type traced struct {
	socketio.Local
	tracer trace.Tracer
}

// Deliver measures the hand-over to the rooms of this container.
func (t traced) Deliver(b socketio.Broadcast) {
	if parent := Traceparent(b.Packet.Data); parent != "" {
		ctx := telemetry.WithTraceparent(context.Background(), parent)
		_, span := t.tracer.Start(ctx, "deliver room event", trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(attribute.Int("rooms", len(b.Rooms))))
		defer span.End()
	}
	t.Local.Deliver(b)
}

const (
	member = `"traceparent":"`
	length = 55 // version, trace id, span id, flags (W3C Trace Context)
)

// Traceparent finds the traceparent that a service put into an event, without
// decoding the event; "" when there is none.
func Traceparent(data []byte) string {
	at := bytes.LastIndex(data, []byte(member)) // services put it last
	if at < 0 || len(data) < at+len(member)+length {
		return ""
	}
	return string(data[at+len(member) : at+len(member)+length])
}
