package socketio_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
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
