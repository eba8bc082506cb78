package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the test ends; its clients may ask to be told, refused
// or cut.
func serve(t *testing.T) string {
	t.Helper()
	rooms := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	rooms.Of("/").Use(func(s *socketio.Socket) error {
		if strings.Contains(string(s.Auth()), "bad") {
			return &socketio.ConnectError{Message: "token_invalid"}
		}
		return nil
	})
	rooms.Of("/").OnConnect(func(s *socketio.Socket) {
		s.On("tell", func(args socketio.Args, ack socketio.Ack) {
			_ = s.EmitRaw("told", json.RawMessage(`[ "a,b" , {"n": 1}]`)) // the client is there: it asks
			_ = s.Emit("empty")
			ack(args.Len(), "done")
		})
		s.On("cut", func(socketio.Args, socketio.Ack) { s.Disconnect(true) })
	})
	server := httptest.NewServer(rooms)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := rooms.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return server.URL
}

func TestEventsAndAnswersComeAsSent(t *testing.T) {
	t.Parallel()
	var heard, raw []string
	c, err := Dial(t.Context(), serve(t), Options{
		Auth:  map[string]string{"token": "good"},
		Raw:   func(packet []byte) bool { raw = append(raw, string(packet)); return false },
		Event: func(name string, args json.RawMessage) { heard = append(heard, name+" "+string(args)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Ask(t.Context(), "tell", 1, "x")
	if err != nil || string(answer) != `[2,"done"]` {
		t.Errorf("answer %s, %v", answer, err)
	}
	if err := c.Send("tell"); err != nil {
		t.Error(err)
	}
	if answer, err := c.Ask(t.Context(), "tell"); err != nil || string(answer) != `[0,"done"]` {
		t.Errorf("answer %s, %v", answer, err)
	}
	c.Close()
	if len(heard) != 6 || len(raw) != 6 || !strings.HasPrefix(heard[0], `told [`) || heard[1] != "empty []" {
		t.Errorf("heard %q, raw %q", heard, raw)
	}
	var args []any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(heard[0], "told ")), &args); err != nil || len(args) != 2 || args[0] != "a,b" {
		t.Errorf("arguments %v, %v", args, err)
	}
	if err := c.Send("tell"); err == nil {
		t.Error("sent on a closed connection")
	}
}

func TestAnEndIsNoticedByThoseWhoWait(t *testing.T) {
	t.Parallel()
	c, err := Dial(t.Context(), serve(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ask(t.Context(), "cut"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	<-c.Done()
	if !errors.Is(c.Err(), ErrClosed) {
		t.Errorf("ended by %v", c.Err())
	}
	patience, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(patience, serve(t), Options{}); err == nil {
		t.Error("connected with a context that had ended")
	}
}

func TestARefusalIsAnError(t *testing.T) {
	t.Parallel()
	url := serve(t)
	if _, err := Dial(t.Context(), url, Options{Auth: map[string]string{"token": "bad"}}); err == nil || !strings.Contains(err.Error(), "token_invalid") {
		t.Errorf("got %v", err)
	}
	for _, address := range []string{"ftp://x", "http://127.0.0.1:1", url + ":x"} {
		if _, err := Dial(t.Context(), address, Options{}); err == nil {
			t.Errorf("connected to %s", address)
		}
	}
}
