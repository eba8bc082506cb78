package cluster

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// stage is a container with a client in room1 that answers whatever it is asked. It
// does not listen: messages are handed to it, and what it publishes waits in its queue.
type stage struct {
	srv     *socketio.Server
	redis   *Redis
	url     string
	joined  chan struct{}
	clients sync.WaitGroup

	mu  sync.Mutex
	bad []string // what a client was sent and would refuse, and errors in the log
}

func newStage(f *testing.F, open func(redis.UniversalClient, *slog.Logger) *Redis) *stage {
	f.Helper()
	s := &stage{joined: make(chan struct{}, 1)}
	log := slog.New(alarm{slog.DiscardHandler, s})
	nowhere := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // is never dialled
	s.redis = open(nowhere, log)
	s.srv = socketio.New(socketio.Options{Adapter: s.redis, Logger: log})
	s.srv.Of("/").OnConnect(func(c *socketio.Socket) {
		c.Join("room1")
		s.joined <- struct{}{}
	})
	s.srv.Of("/").OnServerSide("sse", func(args socketio.Args, ack socketio.Ack) {
		values, err := args.Values()
		ack(len(values), err == nil)
	})
	web := httptest.NewServer(s.srv)
	s.url = "ws" + strings.TrimPrefix(web.URL, "http") + "/socket.io/?EIO=4&transport=websocket"
	f.Cleanup(func() {
		defer web.Close()
		s.mute()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.srv.Shutdown(ctx, 0); err != nil {
			f.Errorf("shut down: %v", err)
		}
		s.clients.Wait()
		_ = nowhere.Close()
	})
	return s
}

// fill sees to it that there is a client: the last one may have been disconnected.
func (s *stage) fill(t *testing.T) {
	t.Helper()
	if s.srv.Of("/").Len() > 0 {
		return
	}
	ws, _, err := websocket.DefaultDialer.Dial(s.url, nil)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		t.Fatalf("connect: %v", err)
	}
	s.clients.Go(func() { // ends with the connection, at the latest with the server
		defer ws.Close()
		for {
			kind, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if kind == websocket.TextMessage && data[0] == '4' {
				s.hear(ws, data[1:])
			}
		}
	})
	select {
	case <-s.joined:
	case <-time.After(patience):
		t.Fatal("the client is not connected")
	}
}

// hear answers a packet for a client, or notes that clients would refuse it.
func (s *stage) hear(ws *websocket.Conn, text []byte) {
	p, _, err := socketio.Decode(text)
	switch {
	case err != nil:
		s.note("client was sent " + string(text) + ": " + err.Error())
	case p.ID != nil:
		p.Type, p.Data = socketio.AckPacket, []byte(`[{"n":1}]`)
		if answer, err := p.Encode(); err == nil {
			_ = ws.WriteMessage(websocket.TextMessage, append([]byte{'4'}, answer...)) // it may be disconnected by now
		}
	}
}

func (s *stage) note(bad string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = append(s.bad, bad)
}

// check fails the test for what was noted since the last call.
func (s *stage) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, bad := range s.bad {
		t.Error(bad)
	}
	s.bad = nil
}

// published takes what waits to be published.
func (s *stage) published() (out []message) {
	p := s.redis.publisher
	p.mu.Lock()
	defer p.mu.Unlock()
	out, p.queue, p.bytes = p.queue, nil, 0
	return out
}

// mute drops what waits to be published, and what is published from now on.
func (s *stage) mute() {
	s.published()
	p := s.redis.publisher
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage.since = time.Now()
}

// alarm notes errors of the log.
type alarm struct {
	slog.Handler
	stage *stage
}

func (a alarm) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (a alarm) Handle(_ context.Context, r slog.Record) error {
	text := "logged: " + r.Message
	r.Attrs(func(at slog.Attr) bool { text += " " + at.String(); return true })
	a.stage.note(text)
	return nil
}

func (a alarm) WithAttrs([]slog.Attr) slog.Handler { return a }

func (a alarm) WithGroup(string) slog.Handler { return a }
