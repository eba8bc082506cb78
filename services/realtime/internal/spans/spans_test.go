package spans

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraceparentIsFoundWithoutDecoding(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ data, want string }{
		{`["round",{"id":1,"traceparent":"` + parent + `"}]`, parent},
		{`["round",{"note":"\"traceparent\":\"x","traceparent":"` + parent + `"}]`, parent},
		{`["round",{"id":1}]`, ""},
		{`["round",{"traceparent":""}]`, ""},
		{`["round",{"traceparent":"`, ""},
		{``, ""},
	} {
		if got := Traceparent([]byte(test.data)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.data, got, test.want)
		}
	}
}

type room struct {
	socketio.Local
	delivered int
}

func (r *room) Name() string               { return "/" }
func (r *room) HasRoom(string) bool        { return true }
func (r *room) Rooms() []string            { return nil }
func (r *room) Deliver(socketio.Broadcast) { r.delivered++ }

func TestDeliveryIsASpanOfTheTraceThatCausedIt(t *testing.T) {
	t.Parallel()
	var r room
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	local := traced{&r, provider.Tracer("test")}
	for _, data := range []string{`["round",{"traceparent":"` + parent + `"}]`, `["chat",{}]`} {
		local.Deliver(socketio.Broadcast{Packet: socketio.Packet{Data: []byte(data)}, Rooms: []string{"table:dice-1"}})
	}
	spans := recorder.Ended()
	if r.delivered != 2 || len(spans) != 1 {
		t.Fatalf("%d deliveries with %d spans, want 2 with 1", r.delivered, len(spans))
	}
	if got := spans[0].SpanContext().TraceID().String(); got != parent[3:35] {
		t.Errorf("trace is %s, want %s", got, parent[3:35])
	}
}
