package socketio

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// The rows are those of the protocol's reference server; what comes before a
// connect and after is told apart by the state that each starts from.
func TestBrokenProtocolClosesTheSession(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	_, url := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) { s.On("a", func(Args, Ack) {}) })
		srv.Of("/slow").Use(func(*Socket) error { <-hold; return nil })
	})
	t.Cleanup(func() { close(hold) })
	huge := strings.Repeat("9", 300)
	for name, tc := range map[string]struct {
		joined bool
		frames []string // websocket frames; "binary:" marks a binary one
	}{
		"second connect":                  {true, []string{"40"}},
		"second connect at once":          {false, []string{"40", "40"}},
		"event before connect":            {false, []string{`42["a"]`}},
		"event while connecting":          {false, []string{"40/slow,", `42/slow,["a"]`}},
		"disconnect before connect":       {false, []string{"41"}},
		"ack before connect":              {false, []string{`431[]`}},
		"binary event before connect":     {false, []string{`451-["a",{"_placeholder":true,"num":0}]`, "binary:x"}},
		"connect error before connect":    {false, []string{`44{"message":"x"}`}},
		"connect error":                   {true, []string{`44{"message":"x"}`}},
		"event for another namespace":     {true, []string{`42/admin,["a"]`}},
		"event after leaving":             {true, []string{"41", `42["a"]`}},
		"empty event":                     {true, []string{`42[]`}},
		"event without data":              {true, []string{`42`}},
		"event that is an object":         {true, []string{`42{}`}},
		"reserved connect":                {true, []string{`42["connect"]`}},
		"reserved connect_error":          {true, []string{`42["connect_error"]`}},
		"reserved disconnect":             {true, []string{`42["disconnect"]`}},
		"reserved disconnecting":          {true, []string{`42["disconnecting"]`}},
		"reserved newListener":            {true, []string{`42["newListener"]`}},
		"reserved removeListener":         {true, []string{`42["removeListener"]`}},
		"reserved name in disguise":       {true, []string{`42["disc\u006fnnect"]`}},
		"letters before the payload":      {true, []string{`42abc["a"]`}},
		"no packet type":                  {true, []string{`4abc`}},
		"connect with an array":           {false, []string{`40[]`}},
		"connect with a string":           {false, []string{`40"x"`}},
		"text while attachments pend":     {true, []string{`451-["a",{"_placeholder":true,"num":0}]`, `42["b"]`}},
		"unexpected binary":               {true, []string{"binary:x"}},
		"placeholder out of range":        {true, []string{`451-["a",{"_placeholder":true,"num":1}]`}},
		"attachments without number":      {true, []string{`45-["a"]`}},
		"eleven attachments":              {true, []string{`4511-["a"]`}},
		"attachments beyond all measure":  {true, []string{`45999999999999-["a"]`}},
		"engine ping":                     {true, []string{"2"}},
		"engine probe":                    {true, []string{"2probe"}},
		"empty frame":                     {true, []string{""}},
		"unknown engine packet":           {true, []string{"9"}},
		"no packet at all":                {true, []string{"hello"}},
		"disconnect with a payload":       {true, []string{`41{}`}},
		"ack that is no array":            {true, []string{`431{}`}},
		"JSON that does not end":          {true, []string{`42["a"`}},
		"JSON that goes on":               {true, []string{`42["a"]["b"]`}},
		"namespace without end":           {true, []string{`42/` + huge}},
		"empty Socket.IO packet":          {true, []string{`4`}},
		"binary ack, placeholder too far": {true, []string{`461-0[{"_placeholder":true,"num":3}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := dial(t, url)
			if tc.joined {
				p.connect("/")
			}
			for _, frame := range tc.frames {
				if data, ok := strings.CutPrefix(frame, "binary:"); ok {
					p.binary(data)
				} else {
					p.raw(frame)
				}
			}
			p.wantEnd()
		})
	}
}

// wantEnd reads until the server ends the connection; an answer to what was
// legal may come first.
func (p *peer) wantEnd() {
	p.t.Helper()
	for range 3 {
		if _, _, err := p.read(); websocket.IsUnexpectedCloseError(err) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		} else if err != nil {
			p.t.Fatalf("read: %v", err)
		}
	}
	p.t.Fatal("the connection goes on")
}

func TestHarmlessOdditiesAreIgnored(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, func(srv *Server) { answerPings(srv.Of("/")) })
	for name, packet := range map[string]string{
		"numeric event name":       `42[1,2]`,
		"unknown event":            `42["nobody listens",{}]`,
		"unknown event with ack":   `427["nobody listens"]`,
		"ack of nothing":           `431[]`,
		"ack without id":           `43[1]`,
		"ack id beyond 64 bits":    `43` + strings.Repeat("9", 300) + `[]`,
		"event id beyond 64 bits":  `42` + strings.Repeat("9", 300) + `["nobody listens"]`,
		"engine pong":              `3`,
		"engine noop":              `6`,
		"engine open":              `0`,
		"an object without number": `42["a",{"_placeholder":true,"num":5}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := join(t, url, "/")
			p.raw(packet)
			p.ping()
		})
	}
}

func TestConnectMayCarryAnID(t *testing.T) {
	t.Parallel()
	_, url := serve(t, Options{}, nil)
	p := dial(t, url)
	p.send("01{}")
	if answer := p.next(); !strings.HasPrefix(answer, `0{"sid":`) {
		t.Errorf("received %s", answer)
	}
}

func TestAnEventThatCrossesTheServersDisconnectIsIgnored(t *testing.T) {
	t.Parallel()
	srv, url := serve(t, Options{}, func(srv *Server) {
		answerPings(srv.Of("/"))
		srv.Of("/admin")
	})
	p := join(t, url, "/")
	p.connect("/admin")
	srv.Of("/admin").Sockets("")[0].Disconnect(false)
	p.send(`2/admin,["sent before the disconnect arrived"]`)
	p.want(`1/admin,`)
	p.ping()
}
