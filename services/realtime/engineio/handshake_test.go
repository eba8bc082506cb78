package engineio

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOpenPacketTellsTheRulesOfTheSession(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	c := dial(t, r.addr, "EIO=4&transport=websocket&t=abc&token=x")
	open := c.text(t)
	s := r.next(t).session
	want := `0{"sid":"` + s.ID() + `","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("open packet differs (-want +got):\n%s", diff)
	}
	if len(s.ID()) != 20 || strings.Trim(s.ID(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("id %q, want 20 characters of base64url", s.ID())
	}
	h := s.Request()
	if got, want := h.URL, "/socket.io/?EIO=4&transport=websocket&t=abc&token=x"; got != want {
		t.Errorf("URL = %q, want %q", got, want)
	}
	if got := h.Query.Get("token"); got != "x" {
		t.Errorf("query parameter token = %q, want x", got)
	}
	if h.RemoteAddr != c.LocalAddr().String() || h.Secure || h.XDomain || h.Headers.Get("Upgrade") != "websocket" || time.Since(h.Issued) > patience {
		t.Errorf("handshake = %+v", h)
	}
	if got := s.Transport(); got != "websocket" {
		t.Errorf("Transport() = %q", got)
	}
}

func TestHandshakeRefusals(t *testing.T) {
	t.Parallel()
	r := start(t, Options{AllowRequest: func(r *http.Request) error {
		switch r.Header.Get("X-Case") {
		case "plain":
			return errors.New("inner text that no client may see")
		case "limited":
			return &Refusal{Status: http.StatusTooManyRequests, Code: 4, Message: "Too many sockets", RetryAfter: 1500 * time.Millisecond}
		}
		return nil
	}}, nil)
	const query = "EIO=4&transport=websocket"
	without := func(line string) string {
		lines := strings.SplitAfter(upgradeHeaders, "\r\n")
		for i, l := range lines {
			if strings.HasPrefix(l, line) {
				lines[i] = ""
			}
		}
		return strings.Join(lines, "")
	}
	tests := []struct {
		name, method, query, headers string
		status, code                 int
		message                      string
	}{
		{"no transport", "GET", "EIO=4", upgradeHeaders, 400, 0, "Transport unknown"},
		{"unknown transport", "GET", "EIO=4&transport=tube", upgradeHeaders, 400, 0, "Transport unknown"},
		{"inherited name as transport", "GET", "EIO=4&transport=constructor", upgradeHeaders, 400, 0, "Transport unknown"},
		{"polling is not offered", "GET", "EIO=4&transport=polling", "", 400, 0, "Transport unknown"},
		{"unknown session", "GET", query + "&sid=AAAAAAAAAAAAAAAAAAAA", upgradeHeaders, 400, 1, "Session ID unknown"},
		{"POST", "POST", query, upgradeHeaders + "Content-Length: 0\r\n", 400, 2, "Bad handshake method"},
		{"OPTIONS without CORS", "OPTIONS", query, "", 400, 2, "Bad handshake method"},
		{"no upgrade", "GET", query, "", 400, 3, "Bad request"},
		{"websocket version 12 (row 5)", "GET", query, without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 12\r\n", 400, 3, "Bad request"},
		{"no websocket version (row 5)", "GET", query, without("Sec-WebSocket-Version"), 400, 3, "Bad request"},
		{"no key (row 6)", "GET", query, without("Sec-WebSocket-Key"), 400, 3, "Bad request"},
		{"short key (row 6)", "GET", query, without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: YWJj\r\n", 400, 3, "Bad request"},
		{"key that is no base64 (row 6)", "GET", query, without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: %%%\r\n", 400, 3, "Bad request"},
		{"hook's plain error", "GET", query, upgradeHeaders + "X-Case: plain\r\n", 403, 4, "Forbidden"},
		{"hook's refusal (row 10)", "GET", query, upgradeHeaders + "X-Case: limited\r\n", 429, 4, "Too many sockets"},
		{"protocol 3", "GET", "EIO=3&transport=websocket", upgradeHeaders, 400, 5, "Unsupported protocol version"},
		{"no protocol", "GET", "transport=websocket", upgradeHeaders, 400, 5, "Unsupported protocol version"},
		{"foreign origin (row 1)", "GET", query, upgradeHeaders + "Origin: https://evil.example\r\n", 403, 4, "Forbidden"},
		{"null origin (row 2)", "GET", query, upgradeHeaders + "Origin: null\r\n", 403, 4, "Forbidden"},
		{"cookie without origin (row 4)", "GET", query, upgradeHeaders + "Cookie: session=1\r\n", 403, 4, "Forbidden"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, answer := exchange(t, tcp(t, r.addr), test.method+" /socket.io/?"+test.query+" HTTP/1.1\r\nHost: game.example\r\n"+test.headers+"\r\n")
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatalf("read the body: %v", err)
			}
			var got struct {
				Code    *int
				Message string
			}
			if err := json.Unmarshal(body, &got); err != nil || got.Code == nil {
				t.Fatalf("body %q is not a coded answer: %v", body, err)
			}
			if answer.StatusCode != test.status || *got.Code != test.code || got.Message != test.message {
				t.Errorf("answer %d %s, want %d with code %d %q", answer.StatusCode, body, test.status, test.code, test.message)
			}
			if test.status == 429 && answer.Header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After = %q, want 2", answer.Header.Get("Retry-After"))
			}
		})
	}
	t.Cleanup(func() {
		if n := r.Len(); n != 0 {
			t.Errorf("%d sessions after refusals only", n)
		}
	})
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	listed := []string{"https://play.example", "http://localhost:5173"}
	tests := []struct {
		name    string
		origins []string
		headers string
		want    int
	}{
		{"same host", nil, "Origin: https://game.example\r\n", 101},
		{"same host in capitals", nil, "Origin: https://GAME.example\r\n", 101},
		{"no origin, no cookie", nil, "", 101},
		{"no origin, cookie and bearer token (row 4)", nil, "Cookie: a=b\r\nAuthorization: Bearer x\r\n", 101},
		{"no origin, cookie and basic login (row 4)", nil, "Cookie: a=b\r\nAuthorization: Basic x\r\n", 403},
		{"same host and cookie", nil, "Origin: https://game.example\r\nCookie: a=b\r\n", 101},
		{"other port", nil, "Origin: https://game.example:444\r\n", 403},
		{"suffix (row 3)", nil, "Origin: https://game.example.evil.com\r\n", 403},
		{"prefix (row 3)", nil, "Origin: https://evilgame.example\r\n", 403},
		{"subdomain (row 3)", nil, "Origin: https://a.game.example\r\n", 403},
		{"user part (row 3)", nil, "Origin: https://evil.com@game.example\r\n", 403},
		{"host as user part (row 3)", nil, "Origin: https://game.example@evil.com\r\n", 403},
		{"host as path (row 3)", nil, "Origin: https://evil.com/game.example\r\n", 403},
		{"path after the host", nil, "Origin: https://game.example/x\r\n", 403},
		{"two origins", nil, "Origin: https://game.example\r\nOrigin: https://game.example\r\n", 403},
		{"empty origin", nil, "Origin: \r\n", 403},
		{"listed", listed, "Origin: https://play.example\r\n", 101},
		{"listed with a port", listed, "Origin: http://localhost:5173\r\n", 101},
		{"listed host, other scheme", listed, "Origin: http://play.example\r\n", 403},
		{"subdomain of a listed one (row 3)", listed, "Origin: https://a.play.example\r\n", 403},
		{"not listed (row 1)", listed, "Origin: https://evil.example\r\n", 403},
		{"any", []string{"*"}, "Origin: https://evil.example\r\n", 101},
		{"null when any is allowed (row 2)", []string{"*"}, "Origin: null\r\n", 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{Origins: test.origins}, nil)
			_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=websocket HTTP/1.1\r\nHost: game.example\r\n"+upgradeHeaders+test.headers+"\r\n")
			if answer.StatusCode != test.want {
				t.Errorf("status %d, want %d", answer.StatusCode, test.want)
			}
		})
	}
}

func TestPagesOfListedHostsMayReadAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Origins: []string{"https://play.example"}}, nil)
	_, answer := exchange(t, tcp(t, r.addr), "OPTIONS / HTTP/1.1\r\nHost: game.example\r\nOrigin: https://play.example\r\nAccess-Control-Request-Method: POST\r\n\r\n")
	want := map[string]string{
		"Access-Control-Allow-Origin":      "https://play.example",
		"Access-Control-Allow-Methods":     "GET, POST",
		"Access-Control-Allow-Headers":     "Authorization, Content-Type",
		"Access-Control-Allow-Credentials": "",
		"Vary":                             "Origin",
	}
	if answer.StatusCode != http.StatusNoContent {
		t.Errorf("status %d, want 204", answer.StatusCode)
	}
	for name, value := range want {
		if got := answer.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	_, answer = exchange(t, tcp(t, r.addr), "GET /?EIO=4 HTTP/1.1\r\nHost: game.example\r\nOrigin: https://play.example\r\n\r\n")
	if got := answer.Header.Get("Access-Control-Allow-Origin"); answer.StatusCode != http.StatusBadRequest || got != "https://play.example" {
		t.Errorf("refusal: status %d, allowed origin %q", answer.StatusCode, got)
	}
}

func TestSessionKeepsItsWebsocket(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, echo)
	c, h := r.connect(t)
	second := dial(t, r.addr, "EIO=4&transport=websocket&sid="+h.session.ID())
	if got := second.code(t); got != 1000 {
		t.Errorf("second websocket closed with %d, want 1000", got)
	}
	_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=websocket&sid="+h.session.ID()+" HTTP/1.1\r\nHost: game.example\r\n\r\n")
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("plain request with the session's id: status %d, want 400", answer.StatusCode)
	}
	c.say(t, "4still here")
	if got := c.text(t); got != "4still here" {
		t.Errorf("the first websocket answered %q", got)
	}
}
