package socketio

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// What a client sends to prove who it is, and the ids by which it could be impersonated,
// are in no log, whatever goes wrong (row 8).
func TestSecretsOfClientsAreNotLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opts := Options{Logger: logger, Recovery: time.Second, Engine: engineio.Options{Logger: logger}}
	_, url := serve(t, opts, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) { s.On("fail", func(Args, Ack) { panic("handler") }) })
		srv.Of("/refuse").Use(func(*Socket) error { return errors.New("no database") })
		srv.Of("/panic").Use(func(*Socket) error { panic("middleware") })
	})
	const secret = "c2VjcmV0"
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket&token="+secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, ws: ws}
	t.Cleanup(p.close)
	open := p.frame()
	auth := `{"token":"` + secret + `","pid":"` + strings.Repeat("s3cr3t", 3) + `-x","offset":"` + secret + `"}`
	for _, namespace := range []string{"/refuse", "/panic"} {
		p.send("0" + namespace + "," + auth)
		p.want("4" + namespace + `,{"message":"connection refused"}`)
	}
	p.send("0" + auth)
	answer := p.next()
	p.send(`2["fail","` + secret + `"]`)
	p.send(`2["` + secret + `"`)
	p.wantEnd()
	eventually(t, "the failures are logged", func() bool { return strings.Count(log.String(), "level=ERROR") == 3 })
	words := []string{secret, "s3cr3t"}
	for _, id := range regexp.MustCompile(`"[sp]id":"([^"]+)"`).FindAllStringSubmatch(open+answer, -1) {
		words = append(words, id[1])
	}
	if len(words) != 5 {
		t.Fatalf("%d ids in %s %s, want the session's, the socket's and that to come back with", len(words)-2, open, answer)
	}
	for _, word := range words {
		if strings.Contains(log.String(), word) {
			t.Errorf("%q is in the log:\n%s", word, log.String())
		}
	}
}
