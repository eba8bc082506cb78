package socketio_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// An echo server with a chat room, on port 3000.
func Example() {
	io := socketio.New(socketio.Options{})
	io.Of("/").Use(func(s *socketio.Socket) error {
		if string(s.Auth()) == "{}" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		return nil
	})
	io.Of("/").OnConnect(func(s *socketio.Socket) {
		s.Join("chat")
		s.On("echo", func(args socketio.Args, ack socketio.Ack) {
			ack(args.Raw(0))
		})
		s.On("chat", func(args socketio.Args, _ socketio.Ack) {
			if err := s.To("chat").EmitRaw("chat", args.From(0), args.Attachments()...); err != nil {
				log.Println(err)
			}
		})
		s.OnDisconnect(func(why socketio.Reason) { log.Println(s.ID(), why) })
	})

	http.Handle("/socket.io/", io)
	go func() { log.Println(http.ListenAndServe(":3000", nil)) }()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	log.Println(io.Shutdown(ctx, 5*time.Second))
}

// Every table is a namespace of its own, which exists while somebody is at it.
func ExampleServer_OfRegexp() {
	io := socketio.New(socketio.Options{})
	tables := io.OfRegexp(regexp.MustCompile(`/table-\d+`))
	tables.OnConnect(func(s *socketio.Socket) {
		s.On("say", func(args socketio.Args, ack socketio.Ack) {
			ack(s.Namespace().EmitRaw("said", args.From(0)) == nil)
		})
	})
	http.Handle("/socket.io/", io)
}

// A question to one client, with an answer or an end of patience.
func ExampleSocket_EmitWithAck() {
	io := socketio.New(socketio.Options{})
	io.Of("/").OnConnect(func(s *socketio.Socket) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		answer, err := s.EmitWithAck(ctx, "ready?", map[string]any{"round": 7})
		var ready bool
		if err != nil || answer.Decode(&ready) != nil || !ready {
			s.Disconnect(true)
		}
	})
	http.Handle("/socket.io/", io)
}
