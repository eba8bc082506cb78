package socketio

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// FuzzSession: whatever a client says, one message after another, costs at most its own
// session. No function of the server panics, and nothing of the client is left behind.
// The messages stand between separators; those that begin with b are binary.
func FuzzSession(f *testing.F) {
	for _, messages := range [][]string{
		{`0{"token":"1"}`, `2["echo",1]`, `21["echo",{"a":[null]}]`, `1`},
		{`0`, `0/table-7,`, `52-/table-7,3["echo",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]`, "bone", "b", `1/table-7,`, `0/table-7,`},
		{`0{"pid":"AAAAAAAAAAAAAAAAAAAA","offset":"1"}`, `2["ask"]`, `30["x"]`, `61-1[{"_placeholder":true,"num":0}]`, "bx"},
		{`0/nowhere,`, `0`, `0`}, {`2["a"]`}, {`0`, `42`}, {`0`, `1`, `2["late"]`}, {`0`, `451-["a"]`, `2["b"]`}, {"bx"},
		{`0`, `2["join","r"]`, `2["shout",1,"2"]`, `2["leave","r"]`, `43{"message":"x"}`},
	} {
		f.Add([]byte(strings.Join(messages, "\x1e")))
	}
	var log lockedBuffer
	srv := newServer(Options{
		Recovery: time.Minute, MaxDynamic: 3,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	dynamic := srv.OfRegexp(regexp.MustCompile(`^/table-\d+$`))
	srv.Of("/").OnConnect(converse)
	dynamic.OnConnect(converse)
	f.Fuzz(func(t *testing.T, script []byte) {
		session := new(fake)
		c := newClient(srv, session, &engineio.Handshake{})
		for message := range bytes.SplitSeq(script, []byte{0x1e}) {
			if len(session.reasons()) > 0 {
				break // as a session of engineio does
			}
			data, binary := bytes.CutPrefix(message, []byte("b"))
			c.Message(bytes.Clone(data), binary)
		}
		reason := engineio.TransportClose
		if why := session.reasons(); len(why) > 0 {
			reason = why[0]
		}
		c.Closed(reason)
		srv.workers.Wait()
		srv.retiring.Wait()
		if n := srv.Of("/").Len(); n != 0 {
			t.Errorf("%d sockets are left", n)
		}
		if names := srv.names(); len(names) != 1 {
			t.Errorf("namespaces %q are left", names)
		}
		if text := log.String(); text != "" {
			t.Fatalf("the log says %s", text)
		}
	})
}

// converse does with what a client sends all that a server may.
func converse(s *Socket) {
	s.On("echo", func(args Args, ack Ack) {
		values, err := args.Values()
		if err != nil {
			panic(err) // it was read as JSON
		}
		var first []byte
		_ = args.Decode(&first) // most are no bytes
		_ = s.EmitRaw("echoed", args.From(0), args.Attachments()...)
		ack(values...)
	})
	s.On("shout", func(args Args, _ Ack) {
		_ = s.Namespace().To("r").EmitRaw("shouted", args.From(0), args.Attachments()...)
	})
	s.On("join", func(args Args, _ Ack) {
		var room string
		if args.Decode(&room) == nil {
			s.Join(room)
		}
	})
	s.On("leave", func(args Args, _ Ack) {
		var room string
		if args.Decode(&room) == nil {
			s.Leave(room)
		}
	})
	s.On("ask", func(Args, Ack) { _, _ = s.Namespace().FetchSockets(context.Background()) })
}
