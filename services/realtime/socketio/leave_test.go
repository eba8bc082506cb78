package socketio

import (
	"errors"
	"testing"
)

// Handlers of a client that has left may still run, with their socket in its rooms,
// when it is back by another socket of the same session.
func TestAClientThatLeftReceivesNothingByItsFormerSocket(t *testing.T) {
	t.Parallel()
	hold, held := make(chan struct{}), make(chan error)
	srv, url := serve(t, Options{}, func(srv *Server) {
		rooms(srv)
		srv.Of("/").OnConnect(func(s *Socket) {
			s.Join("r")
			s.On("hold", func(Args, Ack) {
				held <- nil
				<-hold
				held <- s.Emit("late")
			})
		})
	})
	ns := srv.Of("/")
	p := join(t, url, "/")
	p.send(`2["hold"]`)
	ok(t, receive(t, held))
	p.send("1")
	p.connect("/")
	p.ping()
	if n := len(ns.Sockets("r")); n != 2 {
		t.Errorf("%d sockets are in the room, want the former one, too", n)
	}
	ok(t, ns.To("r").Emit("once"))
	close(hold)
	if err := receive(t, held); !errors.Is(err, ErrDisconnected) {
		t.Errorf("emitting to a client that has left: %v", err)
	}
	p.want(`2["once"]`)
	p.ping()
}
