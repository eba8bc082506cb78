package engineio

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesArriveInOrderFromManySenders(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 200
	r := start(t, Options{}, nil)
	c, h := r.connect(t)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				h.session.Send(NewFrame(Message{Data: fmt.Appendf(nil, "%d:%d", i, n)}))
			}
		})
	}
	var last [senders]int
	for range senders * each {
		var i, n int
		if _, err := fmt.Sscanf(c.text(t), "4%d:%d", &i, &n); err != nil {
			t.Fatalf("scan: %v", err)
		}
		if n != last[i] {
			t.Fatalf("sender %d: message %d where %d was due", i, n, last[i])
		}
		last[i]++
	}
	wg.Wait()
}

func TestJoinedFramesReachTheClientAsSeparateMessages(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	c, h := r.connect(t)
	buffer := Join(
		NewFrame(Message{Data: []byte("one")}),
		NewFrame(Message{Data: []byte("two")}, Message{Data: []byte{3}, Binary: true}),
	)
	if !h.session.Send(buffer) {
		t.Fatal("Send() = false on an open session")
	}
	var got []string
	for range 3 {
		first, payload, err := c.frame()
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		got = append(got, fmt.Sprintf("%x %s", first, payload))
	}
	if diff := cmp.Diff([]string{"81 4one", "81 4two", "82 \x03"}, got); diff != "" {
		t.Errorf("frames differ (-want +got):\n%s", diff)
	}
}

func TestServerCloseDeliversWhatWasSentBefore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		why  Reason
		code int
	}{
		{ForcedClose, 1000}, {ForcedServerClose, 1000}, {ServerShuttingDown, 1001}, {ParseError, 1008},
	}
	for _, test := range tests {
		t.Run(string(test.why), func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{}, nil)
			c, h := r.connect(t)
			c.put(t, mask(0x01, "4unfinished")) // unread bytes at the close must not reset the connection
			h.session.Send(NewFrame(Message{Data: []byte("last words")}))
			h.session.Close(test.why)
			h.session.Close(TransportError) // the first reason stays
			if h.session.Send(NewFrame(Message{})) || h.session.Writable() {
				t.Error("a closed session takes frames")
			}
			if got := c.text(t); got != "4last words" {
				t.Errorf("client read %q", got)
			}
			if got := c.code(t); got != test.code {
				t.Errorf("close code %d, want %d", got, test.code)
			}
			if got := h.reason(t); got != test.why {
				t.Errorf("reason %q, want %q", got, test.why)
			}
			until(t, "the session is forgotten", func() bool { return r.Len() == 0 })
		})
	}
}

func TestCloseFromInsideAHandler(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, func(s *Session, _ []byte, _ bool) { s.Close(ForcedServerClose) })
	c, h := r.connect(t)
	c.say(t, "4bye", "4not delivered")
	if got := c.code(t); got != 1000 {
		t.Errorf("close code %d, want 1000", got)
	}
	if got := h.reason(t); got != ForcedServerClose {
		t.Errorf("reason %q", got)
	}
	if diff := cmp.Diff([]string{"bye"}, h.all()); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

func TestLostConnectionIsATransportClose(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	c, h := r.connect(t)
	c.Close()
	if got := h.reason(t); got != TransportClose {
		t.Errorf("reason %q, want %q", got, TransportClose)
	}
}

func TestMessageBelongsToTheHandler(t *testing.T) {
	t.Parallel()
	kept := make(chan []byte, 2)
	r := start(t, Options{}, func(_ *Session, data []byte, _ bool) { kept <- data })
	c, _ := r.connect(t)
	c.say(t, "4first message", "4second one!!!")
	first, second := <-kept, <-kept
	if string(first) != "first message" || string(second) != "second one!!!" {
		t.Errorf("messages %q, %q: the first was overwritten", first, second)
	}
}

// lockedBuffer is a log that several goroutines may write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func TestPanicEndsItsOwnSessionOnly(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := start(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(s *Session, data []byte, binary bool) {
		if string(data) == "bad" {
			panic("broken rule")
		}
		echo(s, data, binary)
	})
	other, _ := r.connect(t)
	c, h := r.connect(t)
	c.say(t, "4bad", "4late")
	if got := c.code(t); got != 1000 {
		t.Errorf("close code %d, want 1000", got)
	}
	if got := h.reason(t); got != ForcedServerClose {
		t.Errorf("reason %q, want %q", got, ForcedServerClose)
	}
	other.say(t, "4fine")
	if got := other.text(t); got != "4fine" {
		t.Errorf("the other session answered %q", got)
	}
	if got := log.text(); !strings.Contains(got, "broken rule") || strings.Contains(got, h.session.ID()) {
		t.Errorf("log %q, want the panic and no session id", got)
	}
}

func TestSessionWithoutAHandlerIsClosed(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]func(*Session) Handler{
		"refused":  func(*Session) Handler { return nil },
		"panicked": func(*Session) Handler { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{Logger: slog.New(slog.DiscardHandler)}, nil)
			r.accept = accept
			c := dial(t, r.addr, "EIO=4&transport=websocket")
			c.text(t)
			if got := c.code(t); got != 1000 {
				t.Errorf("close code %d, want 1000", got)
			}
		})
	}
}
