package socketio

import (
	"errors"
	"regexp"
	"testing"
	"time"
)

func TestConnectAnswersWithTheSocketsID(t *testing.T) {
	t.Parallel()
	sockets := make(chan *Socket, 1)
	_, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) { sockets <- s })
	})
	p := dial(t, url)
	p.send(`0{"token":"123"}`)
	answer := p.next()
	if !regexp.MustCompile(`^0\{"sid":"[A-Za-z0-9_-]{20}"\}$`).MatchString(answer) {
		t.Errorf("connect was answered by %s", answer)
	}
	s := receive(t, sockets)
	if answer != `0{"sid":"`+s.ID()+`"}` {
		t.Errorf("the socket's id is %s, the client was told %s", s.ID(), answer)
	}
	if got := string(s.Auth()); got != `{"token":"123"}` {
		t.Errorf("Auth = %s", got)
	}
	if got := s.Handshake().Query.Get("EIO"); got != "4" {
		t.Errorf("handshake has EIO %q", got)
	}
}

func TestAuthDefaultsToAnEmptyObject(t *testing.T) {
	t.Parallel()
	auth := make(chan string, 1)
	_, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").Use(func(s *Socket) error { auth <- string(s.Auth()); return nil })
	})
	join(t, url, "/")
	if got := receive(t, auth); got != "{}" {
		t.Errorf("Auth = %s, want {}", got)
	}
}

func TestRefusedConnects(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, func(srv *Server) {
		for name, err := range map[string]error{
			"/plain":  &ConnectError{Message: "not authorized"},
			"/data":   &ConnectError{Message: "not authorized", Data: map[string]any{"code": "token_expired"}},
			"/secret": errors.New("dial db-7.internal: refused"),
			"/broken": &ConnectError{Message: "x", Data: make(chan int)},
		} {
			srv.Of(name).Use(func(*Socket) error { return err })
		}
		srv.Of("/panic").Use(func(*Socket) error { panic("middleware") })
		srv.Of("/first").Use(func(*Socket) error { return &ConnectError{Message: "first"} })
		srv.Of("/first").Use(func(*Socket) error { return &ConnectError{Message: "second"} })
	})
	p := dial(t, url)
	for packet, want := range map[string]string{
		`0/random,{"a":1}`: `4/random,{"message":"Invalid namespace"}`,
		`0/random`:         `4/random,{"message":"Invalid namespace"}`,
		`0/plain,`:         `4/plain,{"message":"not authorized"}`,
		`0/data,{}`:        `4/data,{"message":"not authorized","data":{"code":"token_expired"}}`,
		`0/secret,`:        `4/secret,{"message":"connection refused"}`,
		`0/broken,`:        `4/broken,{"message":"connection refused"}`,
		`0/panic,`:         `4/panic,{"message":"connection refused"}`,
		`0/first,`:         `4/first,{"message":"first"}`,
	} {
		p.send(packet)
		p.want(want)
	}
	p.connect("/") // the session lives
}

func TestARefusedClientMayTryAgain(t *testing.T) {
	t.Parallel()
	tries := 0
	_, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").Use(func(*Socket) error {
			if tries++; tries == 1 {
				return &ConnectError{Message: "once more"}
			}
			return nil
		})
	})
	p := dial(t, url)
	p.send("0")
	p.want(`4{"message":"once more"}`)
	p.connect("/")
}

func TestASessionMayBeInSeveralNamespaces(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, func(srv *Server) {
		answerPings(srv.Of("/"))
		srv.Of("admin").OnConnect(func(s *Socket) {
			s.On("who", func(_ Args, ack Ack) { ack(s.Namespace().Name()) })
		})
	})
	p := join(t, url, "/")
	p.connect("/admin")
	p.send(`2/admin,7["who"]`)
	p.want(`3/admin,7["/admin"]`)
	if err := srv.Of("/admin").Emit("note"); err != nil {
		t.Fatal(err)
	}
	p.want(`2/admin,["note"]`)
	p.send(`1/admin,`)
	eventually(t, "the socket left", func() bool { return srv.Of("/admin").Len() == 0 })
	if err := srv.Of("/admin").Emit("note"); err != nil {
		t.Fatal(err)
	}
	p.ping()
	p.connect("/admin")
	p.ping()
}

func TestASessionWithoutNamespaceIsClosed(t *testing.T) {
	t.Parallel()
	if got := newServer(Options{}).connectTimeout; got != 45*time.Second {
		t.Errorf("connect timeout is %v by default", got)
	}
	t.Run("never joined", func(t *testing.T) {
		t.Parallel()
		_, url := serve(t, Options{ConnectTimeout: 30 * time.Millisecond}, nil)
		p := dial(t, url)
		p.wantClosed()
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		_, url := serve(t, Options{ConnectTimeout: 30 * time.Millisecond}, nil)
		p := dial(t, url)
		p.send("0/nowhere,")
		p.want(`4/nowhere,{"message":"Invalid namespace"}`)
		p.wantClosed()
	})
	t.Run("left", func(t *testing.T) {
		t.Parallel()
		_, url := serve(t, Options{ConnectTimeout: 300 * time.Millisecond}, nil)
		p := join(t, url, "/")
		p.send("1")
		p.wantClosed()
	})
}

func TestASessionInANamespaceOutlivesTheConnectTimeout(t *testing.T) {
	t.Parallel()
	timeout := 200 * time.Millisecond
	_, url := serve(t, Options{ConnectTimeout: timeout}, func(srv *Server) { answerPings(srv.Of("/")) })
	p := join(t, url, "/")
	<-time.After(2 * timeout)
	p.ping()
}

func TestJoinInMiddlewareTakesEffectWithTheConnect(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	srv, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").Use(func(s *Socket) error {
			s.Join("early", "gone")
			s.Leave("gone")
			<-hold
			return nil
		})
		answerPings(srv.Of("/"))
	})
	p := dial(t, url)
	p.send("0")
	if err := srv.Of("/").To("early", "gone").Emit("too soon"); err != nil {
		t.Fatal(err)
	}
	close(hold)
	if answer := p.next(); answer[0] != '0' {
		t.Fatalf("received %s before the connect", answer)
	}
	if srv.Of("/").HasRoom("gone") {
		t.Error("the socket is in a room that it left")
	}
	if err := srv.Of("/").To("early").Emit("now"); err != nil {
		t.Fatal(err)
	}
	p.want(`2["now"]`)
	p.ping()
}
