package socketio

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestShutdownLetsClientsComeBack(t *testing.T) {
	t.Parallel()
	reasons := make(chan Reason, 2)
	w := new(wire)
	srv, web := start(Options{Adapter: w}, onConnect(func(s *Socket) {
		s.Join("r")
		s.OnDisconnect(func(why Reason) {
			ok(t, s.To("r").Emit("left", s.ID())) // others hear of it until the end
			reasons <- why
		})
	}))
	defer web.Close()
	p, q := join(t, web.URL, "/"), join(t, web.URL, "/")
	if err := srv.Shutdown(t.Context(), 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for _, peer := range []*peer{p, q} {
		for {
			_, data, err := peer.read()
			if websocket.IsCloseError(err, websocket.CloseGoingAway) {
				break
			}
			if err != nil || string(data) == "41" {
				t.Fatalf("received %s, %v, want a close frame without a disconnect packet", data, err)
			}
		}
		if why := receive(t, reasons); why != "server shutting down" {
			t.Errorf("reason is %q", why)
		}
	}
	if len(w.buses[0].sent) != 2 || !w.buses[0].closed {
		t.Errorf("%d broadcasts published, closed %t", len(w.buses[0].sent), w.buses[0].closed)
	}
	if err := srv.Shutdown(t.Context(), 0); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
	if err := srv.Of("/").Emit("after the end"); err != nil {
		t.Errorf("Emit after Shutdown: %v", err)
	}
	if _, resp, err := websocket.DefaultDialer.Dial("ws"+web.URL[4:]+"/socket.io/?EIO=4&transport=websocket", nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("dial after Shutdown: %v", err)
	}
}

func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	hold, begun := make(chan struct{}), make(chan struct{})
	srv, web := start(Options{}, onConnect(func(s *Socket) {
		s.On("work", func(Args, Ack) { close(begun); <-hold })
	}))
	defer web.Close()
	p := join(t, web.URL, "/")
	p.send(`2["work"]`)
	receive(t, begun)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := srv.Shutdown(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v while a handler runs", err)
	}
	close(hold)
	if err := srv.Shutdown(t.Context(), 0); err != nil {
		t.Errorf("Shutdown = %v after the handler", err)
	}
}
