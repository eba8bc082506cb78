package msgpack_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/vegascore/vegascore/services/realtime/msgpack"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// pack is a packet as a client sends it; placeholders stand for attachments.
func pack(t *testing.T, text string, attachments ...[]byte) []byte {
	t.Helper()
	packed, err := broadcast.AppendMsgpack(nil, []byte(text), attachments...)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// What the protocol forbids in its text form it forbids in this one, too.
func TestBrokenProtocolClosesTheSession(t *testing.T) {
	t.Parallel()
	srv := socketio.New(socketio.Options{Parser: msgpack.Parser, Logger: slog.New(slog.DiscardHandler)})
	srv.Of("/").OnConnect(func(s *socketio.Socket) {
		s.On("ping", func(_ socketio.Args, ack socketio.Ack) { ack() })
	})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		defer web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	const connect = `{"type":0,"nsp":"/"}`
	for name, tc := range map[string]struct {
		packets []string // after a connect, unless the first is empty
		lives   bool
	}{
		"second connect":              {packets: []string{connect}},
		"event before connect":        {packets: []string{"", `{"type":2,"data":["ping"],"nsp":"/"}`}},
		"event elsewhere":             {packets: []string{`{"type":2,"data":["ping"],"nsp":"/x"}`}},
		"connect error":               {packets: []string{`{"type":4,"data":{"message":"x"},"nsp":"/"}`}},
		"event without data":          {packets: []string{`{"type":2,"nsp":"/"}`}},
		"event that is null":          {packets: []string{`{"type":2,"data":null,"nsp":"/"}`}},
		"event that is an object":     {packets: []string{`{"type":2,"data":{},"nsp":"/"}`}},
		"event without name":          {packets: []string{`{"type":2,"data":[],"nsp":"/"}`}},
		"event named by an object":    {packets: []string{`{"type":2,"data":[{}],"nsp":"/"}`}},
		"event named by bytes":        {packets: []string{`{"type":2,"data":[{"_placeholder":true,"num":0}],"nsp":"/"}`}},
		"reserved name":               {packets: []string{`{"type":2,"data":["disconnect"],"nsp":"/"}`}},
		"ack that is an object":       {packets: []string{`{"type":3,"id":1,"data":{},"nsp":"/"}`}},
		"disconnect with data":        {packets: []string{`{"type":1,"data":{},"nsp":"/"}`}},
		"binary event of the text":    {packets: []string{`{"type":5,"data":["ping"],"nsp":"/"}`}},
		"connect with an array":       {packets: []string{"", `{"type":0,"data":[],"nsp":"/"}`}},
		"connect with bytes":          {packets: []string{"", `{"type":0,"data":{"a":{"_placeholder":true,"num":0}},"nsp":"/"}`}},
		"no map":                      {packets: []string{`["ping"]`}},
		"text message":                {packets: []string{"text:2[\"ping\"]"}},
		"deeper than a server passes": {packets: []string{"raw:\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + strings.Repeat("\x91", 200) + "\xa1a"}},
		"unknown event and ack":       {packets: []string{`{"type":2,"data":["none"],"nsp":"/"}`, `{"type":3,"id":99,"data":[],"nsp":"/"}`}, lives: true},
		"numeric name":                {packets: []string{`{"type":2,"data":[1,2],"nsp":"/"}`}, lives: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			packets := tc.packets
			if packets[0] == "" {
				packets = packets[1:]
			} else if err := ws.WriteMessage(websocket.BinaryMessage, pack(t, connect)); err != nil || !answered(t, ws, socketio.ConnectPacket) {
				t.Fatalf("not connected: %v", err)
			}
			for _, p := range append(packets, `{"type":2,"id":7,"data":["ping"],"nsp":"/"}`) {
				kind := websocket.BinaryMessage
				var message []byte
				if text, ok := strings.CutPrefix(p, "text:"); ok {
					kind, message = websocket.TextMessage, []byte("4"+text)
				} else if raw, ok := strings.CutPrefix(p, "raw:"); ok {
					message = []byte(raw)
				} else {
					message = pack(t, p, []byte("bytes"))
				}
				if err := ws.WriteMessage(kind, message); err != nil {
					break // it is closed already
				}
			}
			if lives := answered(t, ws, socketio.AckPacket); lives != tc.lives {
				t.Errorf("the session lives: %t, want %t", lives, tc.lives)
			}
		})
	}
}

// answered reads until a packet of this type; false says that the connection ended first.
func answered(t *testing.T, ws *websocket.Conn, want socketio.PacketType) bool {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		kind, data, err := ws.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.ClosePolicyViolation) {
			return false
		}
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if kind != websocket.BinaryMessage {
			continue
		}
		if p, err := msgpack.Parser.Decoder().Add(data, true); err == nil && p.Type == want {
			return true
		}
	}
}
