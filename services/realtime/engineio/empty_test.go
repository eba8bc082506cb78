package engineio

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestEmptyClosesAllAndAdmitsNobody(t *testing.T) {
	t.Parallel()
	owner, edge, _ := pair(t, Options{})
	c := moved(t, owner, edge)
	ws := c.candidate(t)
	ws.say(t, "2probe", "5")
	ws.text(t)
	until(t, "upgraded", func() bool { return c.session.Transport() == "websocket" })
	direct, h := edge.connect(t)
	if err := edge.Empty(t.Context(), 20*time.Millisecond); err != nil {
		t.Error(err)
	}
	if got := direct.code(t); got != 1001 {
		t.Errorf("a websocket is closed with %d, want 1001", got)
	}
	if got := h.reason(t); got != ServerShuttingDown {
		t.Errorf("reason %q", got)
	}
	ws.code(t) // the tunnel has ended
	c.wantReason(t, TransportClose)
	full := reply{503, `{"code":6,"message":"Server shutting down"}`}
	if got, _ := edge.do(t, "GET", "EIO=4&transport=polling", "", ""); got != full {
		t.Errorf("a handshake is answered %+v", got)
	}
	other := moved(t, owner, edge)
	want(t, "another server's session", other.post(t, "4hi"), reply{200, "ok"})
	edge.Admit()
	edge.connect(t)
}

func TestEmptyStopsWithItsContext(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, echo)
	for range 3 {
		r.connect(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Empty(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Empty() = %v, want the context's error", err)
	}
	until(t, "one is closed and two stay", func() bool { return r.Len() == 2 })
}
