package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// setup returns a setup for serve that calls fn for sockets of "/".
func onConnect(fn func(*Socket)) func(*Server) {
	return func(srv *Server) {
		answerPings(srv.Of("/"))
		srv.Of("/").OnConnect(fn)
	}
}

func TestEventsReachTheirHandlersInOrder(t *testing.T) {
	t.Parallel()
	const n = 2000 // more than an inbox holds
	var got []string
	done := make(chan struct{})
	_, url := serve(t, Options{}, onConnect(func(s *Socket) {
		s.On("n", func(args Args, _ Ack) { got = append(got, string(args.Raw(0))) })
		s.On("end", func(Args, Ack) { close(done) })
	}))
	p := join(t, url, "/")
	for i := range n {
		p.send(fmt.Sprintf(`2["n",%d]`, i))
	}
	p.send(`2["end"]`)
	receive(t, done)
	if len(got) != n {
		t.Fatalf("%d events, want %d", len(got), n)
	}
	for i := range got {
		if got[i] != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, got[i])
		}
	}
}

func TestAcksAnswerEvents(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, onConnect(func(s *Socket) {
		s.On("echo", func(args Args, ack Ack) { ack(args.Raw(0), args.Len()) })
		s.On("1", func(_ Args, ack Ack) { ack("numeric") })
		s.On("twice", func(_ Args, ack Ack) { ack(1); ack(2) })
		s.On("binary", func(args Args, ack Ack) {
			var file []byte
			if err := args.Decode(&file); err != nil {
				ack(err.Error())
			} else {
				ack("got", file, []byte("more"))
			}
		})
	}))
	p := join(t, url, "/")
	p.send(`20["echo",{"b":1.0,"a":[1e2]},2]`)
	p.want(`30[{"b":1.0,"a":[1e2]},2]`)
	p.send(`2["echo",1]`) // asks for none
	p.send(`218446744073709551615[1]`)
	p.want(`318446744073709551615["numeric"]`)
	p.send(`23["twice"]`)
	p.want(`33[1]`)
	p.send(`51-4["binary",{"_placeholder":true,"num":0}]`)
	p.binary("\x00\xff")
	p.want(`62-4["got",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "binary:\x00\xff", "binary:more")
	p.ping()
}

func TestEmitWithAck(t *testing.T) {
	t.Parallel()
	sockets := make(chan *Socket, 1)
	_, url := serve(t, Options{}, onConnect(func(s *Socket) { sockets <- s }))
	p := join(t, url, "/")
	s := receive(t, sockets)
	type answer struct {
		args Args
		err  error
	}
	ask := func(ctx context.Context, event string) <-chan answer {
		c := make(chan answer, 1)
		go func() { // ends with the answer
			args, err := s.EmitWithAck(ctx, event, 1)
			c <- answer{args, err}
		}()
		return c
	}
	c := ask(t.Context(), "a")
	p.want(`20["a",1]`)
	p.send(`31["not what was asked"]`)
	p.send(`30["yes",{"_placeholder":true}]`)
	if got := receive(t, c); got.err != nil || got.args.Len() != 2 || string(got.args.Raw(0)) != `"yes"` {
		t.Errorf("answer is %+v", got)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c = ask(ctx, "b")
	p.want(`21["b",1]`)
	if got := receive(t, c); !errors.Is(got.err, context.DeadlineExceeded) {
		t.Errorf("answer is %+v, want a timeout", got)
	}
	p.send(`31["too late"]`)
	p.ping()

	c = ask(t.Context(), "c")
	p.want(`22["c",1]`)
	p.send("1")
	if got := receive(t, c); !errors.Is(got.err, ErrDisconnected) {
		t.Errorf("answer is %+v, want ErrDisconnected", got)
	}
	if _, err := s.EmitWithAck(t.Context(), "d"); !errors.Is(err, ErrDisconnected) {
		t.Errorf("asking a socket that left gives %v", err)
	}
}

func TestAHandlerMayWaitForAnAnswerOfItsSocket(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, onConnect(func(s *Socket) {
		s.On("start", func(_ Args, ack Ack) {
			answer, err := s.EmitWithAck(t.Context(), "sure?")
			if err != nil {
				ack(err.Error())
				return
			}
			ack(answer.Raw(0))
		})
	}))
	p := join(t, url, "/")
	p.send(`25["start"]`)
	p.want(`20["sure?"]`)
	p.send(`30["yes"]`)
	p.want(`35["yes"]`)
}

func TestAHandlerDoesNotWaitForAClientThatIsGone(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*peer){
		"disconnect":    func(p *peer) { p.send("1") },
		"end of stream": func(p *peer) { p.close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waited := make(chan error, 1)
			_, url := serve(t, Options{}, onConnect(func(s *Socket) {
				s.On("start", func(Args, Ack) {
					_, err := s.EmitWithAck(context.Background(), "sure?")
					waited <- err
				})
			}))
			p := join(t, url, "/")
			p.send(`2["start"]`)
			p.want(`20["sure?"]`)
			leave(p)
			if err := receive(t, waited); !errors.Is(err, ErrDisconnected) {
				t.Errorf("the handler waited for %v", err)
			}
		})
	}
}

func TestAPanicInAHandlerCostsNobodyTheirConnection(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	_, url := serve(t, Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))}, onConnect(func(s *Socket) {
		s.On("panic", func(Args, Ack) { panic("by request") })
	}))
	p := join(t, url, "/")
	p.send(`2["panic"]`)
	p.ping()
	if text := log.String(); !strings.Contains(text, "by request") || !strings.Contains(text, "event_test.go") {
		t.Errorf("log is %s", text)
	}
}

func TestEmitsToOneSocket(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, onConnect(func(s *Socket) {
		ok(t, s.Emit("hello", 1, "2", map[string]any{"a": true}))
		ok(t, s.EmitRaw("raw", []byte(`[{"z":1.50,"a":{"_placeholder":true,"num":0}}]`), []byte("file")))
		ok(t, s.Volatile().Emit("maybe"))
		ok(t, s.Emit("binary", []byte("data")))
	}))
	p := join(t, url, "/")
	p.want(
		`2["hello",1,"2",{"a":true}]`,
		`51-["raw",{"z":1.50,"a":{"_placeholder":true,"num":0}}]`, "binary:file",
		`2["maybe"]`,
		`51-["binary",{"_placeholder":true,"num":0}]`, "binary:data",
	)
}

func TestDisconnectReasons(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		want Reason
		end  func(*peer, *Socket)
	}{
		{"ping timeout", func(*peer, *Socket) {}},
		{"transport error", func(p *peer, _ *Socket) { p.raw("2") }},
		{"transport error", func(p *peer, _ *Socket) { p.send(strings.Repeat("x", 2000)) }},
		{ClientNamespaceDisconnect, func(p *peer, _ *Socket) { p.send("1") }},
		{ServerNamespaceDisconnect, func(_ *peer, s *Socket) { s.Disconnect(false) }},
		{ServerNamespaceDisconnect, func(_ *peer, s *Socket) { s.Disconnect(true) }},
		{"transport close", func(p *peer, _ *Socket) { p.close() }},
		{"transport close", func(p *peer, _ *Socket) { p.raw("1") }},
		{"parse error", func(p *peer, _ *Socket) { p.send("2{}") }},
		{"forced server close", func(p *peer, _ *Socket) { p.send("0") }},
	} {
		sockets, reasons := make(chan *Socket, 1), make(chan string, 2)
		engine := engineio.Options{MaxPayload: 1000}
		if tc.want == "ping timeout" {
			engine.PingInterval, engine.PingTimeout = 50*time.Millisecond, 50*time.Millisecond
		}
		_, url := serve(t, Options{Engine: engine}, onConnect(func(s *Socket) {
			s.Join("room")
			s.OnDisconnect(func(why Reason) {
				reasons <- fmt.Sprint(why, s.Connected(), s.Rooms()[1:], s.Namespace().HasRoom("room"))
			})
			sockets <- s
		}))
		p := join(t, url, "/")
		s := receive(t, sockets)
		tc.end(p, s)
		if got, want := receive(t, reasons), fmt.Sprint(tc.want, false, []string{"room"}, false); got != want {
			t.Errorf("OnDisconnect saw %s, want %s", got, want)
		}
		s.Disconnect(false)
		s.Join("late")
		if s.Namespace().HasRoom("late") {
			t.Error("a socket joined a room after its end")
		}
		if err := s.Emit("x"); !errors.Is(err, ErrDisconnected) {
			t.Errorf("Emit after the end gives %v", err)
		}
	}
}

func TestDisconnectTellsTheClient(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, func(srv *Server) {
		answerPings(srv.Of("/"))
		srv.Of("/admin").OnConnect(func(s *Socket) {
			s.On("leave", func(Args, Ack) { ok(t, s.Emit("bye")); s.Disconnect(false) })
			s.On("close", func(Args, Ack) { s.Disconnect(true) })
		})
	})
	p := join(t, url, "/")
	p.connect("/admin")
	p.send(`2/admin,["leave"]`)
	p.want(`2/admin,["bye"]`, `1/admin,`)
	p.ping()
	p.connect("/admin")
	p.send(`2/admin,["close"]`)
	p.want(`1`, `1/admin,`)
	p.wantClosed()
}

func TestEventsBehindADisconnectOfTheServerAreDropped(t *testing.T) {
	t.Parallel()
	hold, ended := make(chan struct{}), make(chan Reason, 1)
	handled := 0
	srv, url := serve(t, Options{}, onConnect(func(s *Socket) {
		s.On("first", func(Args, Ack) { <-hold; s.Disconnect(false) })
		s.On("second", func(Args, Ack) { handled++ })
		s.OnDisconnect(func(why Reason) { ended <- why })
	}))
	p := join(t, url, "/")
	p.send(`2["first"]`)
	p.send(`2["second"]`)
	close(hold)
	p.want("1")
	receive(t, ended)
	if handled != 0 || srv.Of("/").Len() != 0 {
		t.Errorf("%d events handled after the disconnect, %d sockets", handled, srv.Of("/").Len())
	}
}

func TestEventsBeforeTheEndOfTheConnectionAreHandled(t *testing.T) {
	t.Parallel()
	hold, ended := make(chan struct{}), make(chan int, 1)
	handled := 0
	_, url := serve(t, Options{}, onConnect(func(s *Socket) {
		s.On("wait", func(Args, Ack) { <-hold })
		s.On("bye", func(Args, Ack) { handled++ })
		s.OnDisconnect(func(Reason) { ended <- handled })
	}))
	p := join(t, url, "/")
	p.send(`2["wait"]`)
	p.send(`2["bye"]`)
	p.send(`1`)
	close(hold)
	if got := receive(t, ended); got != 1 {
		t.Errorf("%d events handled, want 1", got)
	}
}

func TestDataStaysWithTheSocket(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").Use(func(s *Socket) error { s.SetData("ada"); return nil })
		srv.Of("/").OnConnect(func(s *Socket) { ok(t, s.Emit("you", s.Data())) })
	})
	join(t, url, "/").want(`2["you","ada"]`)
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
