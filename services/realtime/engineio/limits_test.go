package engineio

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shake asks for a websocket session with more headers and returns the answer.
func (r *rig) shake(t testing.TB, headers string) (*client, *http.Response, string) {
	t.Helper()
	c, answer := exchange(t, tcp(t, r.addr), "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: game.example\r\n"+upgradeHeaders+headers+"\r\n")
	if answer.StatusCode == http.StatusSwitchingProtocols {
		r.next(t)
		return c, answer, ""
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return c, answer, string(body)
}

func TestAddressMayOpenSoManySessions(t *testing.T) { // row 10
	t.Parallel()
	r := start(t, both(Options{Limits: Limits{Open: 2, Hops: 1}}), nil)
	mine, other := "X-Forwarded-For: 203.0.113.1\r\n", "X-Forwarded-For: 203.0.113.2\r\n"
	first, _, _ := r.shake(t, mine)
	r.shake(t, mine)
	_, answer, body := r.shake(t, mine)
	if want := `{"code":8,"message":"Too many connections"}`; answer.StatusCode != http.StatusTooManyRequests || body != want {
		t.Errorf("third session: %d %s, want 429 %s", answer.StatusCode, body, want)
	}
	if got := answer.Header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After = %q, want 10", got)
	}
	if _, answer, _ := r.shake(t, "X-Forwarded-For: 198.51.100.1, 203.0.113.1\r\n"); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("with a spoofed address (row 64): %d, want 429", answer.StatusCode)
	}
	_, answer = exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n"+mine+"\r\n")
	if answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("by polling: %d, want 429", answer.StatusCode)
	}
	if _, answer, _ := r.shake(t, other); answer.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("another address: %d, want 101", answer.StatusCode)
	}
	if got := r.Tally(); got != (Tally{AddressCrowded: 3}) {
		t.Errorf("tally %+v, want three refused for the crowd", got)
	}
	first.Close()
	until(t, "a session has ended", func() bool { return r.Len() == 2 })
	if _, answer, _ := r.shake(t, mine); answer.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("after the end of one: %d, want 101", answer.StatusCode)
	}
}

// TestFailedHandshakesHoldNoPlace: what was counted for a session that never
// came to be is given back.
func TestFailedHandshakesHoldNoPlace(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Limits: Limits{Open: 1}}, nil)
	noKey := strings.Replace(upgradeHeaders, "Sec-WebSocket-Key", "X-Key", 1)
	for range 3 {
		_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\n"+noKey+"\r\n")
		if answer.StatusCode != http.StatusBadRequest {
			t.Fatalf("without a key: %d, want 400", answer.StatusCode)
		}
	}
	if _, answer, _ := r.shake(t, ""); answer.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("after failed handshakes: %d, want 101", answer.StatusCode)
	}
}

func TestHandshakesOfOneAddressLeaveRoomForOthers(t *testing.T) { // row 10
	t.Parallel()
	r := start(t, Options{Limits: Limits{
		PerAddress: Rate{PerSecond: 0.01, Burst: 3}, Handshakes: Rate{PerSecond: 0.01, Burst: 5}, Hops: 1,
	}}, nil)
	var got []int
	for range 20 {
		_, answer, body := r.shake(t, "X-Forwarded-For: 203.0.113.1\r\n")
		got = append(got, answer.StatusCode)
		if answer.StatusCode == http.StatusSwitchingProtocols {
			continue
		}
		if want := `{"code":8,"message":"Too many handshakes"}`; body != want {
			t.Errorf("body %s, want %s", body, want)
		}
		if answer.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	want := []int{101, 101, 101, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 429}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one address (-want +got):\n%s", diff)
	}
	for i, want := range []int{101, 101, 503} {
		_, answer, body := r.shake(t, "X-Forwarded-For: 203.0.113.2\r\n")
		if answer.StatusCode != want {
			t.Errorf("another address, handshake %d: %d %s, want %d", i, answer.StatusCode, body, want)
		}
		if want == 503 && (body != `{"code":9,"message":"Server busy"}` || answer.Header.Get("Retry-After") == "") {
			t.Errorf("refused with %s, Retry-After %q", body, answer.Header.Get("Retry-After"))
		}
	}
	if got := r.Tally(); got != (Tally{AddressPace: 17, Handshakes: 1}) {
		t.Errorf("tally %+v, want 17 refused for their address and one for all", got)
	}
}

func TestClientsThatSendTooMuchAreClosed(t *testing.T) {
	t.Parallel()
	few := Options{Limits: Limits{Messages: Rate{PerSecond: 0.01, Burst: 5}}}
	small := Options{MaxPayload: 1000, Limits: Limits{Bytes: Rate{PerSecond: 0.01, Burst: 1}}} // a burst of MaxPayload is meant
	tests := []struct {
		name string
		opts Options
		send []string
		want int // messages that reach the handler
	}{
		{"messages", few, []string{"4a", "4b", "4c", "4d", "4e", "4f", "4g"}, 5},
		{"pongs", few, []string{"3", "3", "4c", "3", "3", "3", "4g"}, 1},
		{"bytes", small, []string{"4" + strings.Repeat("x", 600), "4" + strings.Repeat("x", 300), "4" + strings.Repeat("x", 200)}, 2},
	}
	for _, test := range tests {
		t.Run(test.name+" by websocket", func(t *testing.T) {
			t.Parallel()
			r := start(t, test.opts, nil)
			c, h := r.connect(t)
			c.say(t, test.send...)
			if got := c.code(t); got != 1008 {
				t.Errorf("closed with %d, want 1008", got)
			}
			if got := h.reason(t); got != TransportError {
				t.Errorf("reason %q, want %q", got, TransportError)
			}
			if got := r.Tally(); got != (Tally{Floods: 1}) {
				t.Errorf("tally %+v, want one flood", got)
			}
			if got := len(h.all()); got != test.want {
				t.Errorf("the handler got %d messages, want %d", got, test.want)
			}
		})
		t.Run(test.name+" by polling", func(t *testing.T) {
			t.Parallel()
			r := start(t, both(test.opts), nil)
			c := r.poll(t)
			for _, packet := range test.send {
				if c.session.closed() == "" {
					c.post(t, packet)
				}
			}
			c.wantReason(t, TransportError)
			if got := len(c.all()); got != test.want {
				t.Errorf("the handler got %d messages, want %d", got, test.want)
			}
		})
	}
}

func TestCookieNamesTheSession(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{Cookie: &http.Cookie{Secure: true}}), echo)
	_, answer := exchange(t, tcp(t, r.addr), "GET /?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
	id := r.next(t).session.ID()
	want := "io=" + id + "; Path=/; HttpOnly; Secure; SameSite=Lax"
	if got := answer.Header.Get("Set-Cookie"); got != want {
		t.Errorf("by polling: Set-Cookie %q, want %q", got, want)
	}
	// No browser, but a program that keeps cookies: the server's own one does not
	// make its websocket look forged.
	_, answer, _ = r.shake(t, "Cookie: io=abc\r\n")
	if got := answer.Header.Get("Set-Cookie"); answer.StatusCode != http.StatusSwitchingProtocols || !strings.HasPrefix(got, "io=") {
		t.Errorf("by websocket: %d with Set-Cookie %q", answer.StatusCode, got)
	}
	if _, answer, _ = r.shake(t, "Cookie: io=abc; session=1\r\n"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with another cookie and no origin (row 4): %d, want 403", answer.StatusCode)
	}
	if _, answer, _ = r.shake(t, "Cookie: ;;=\r\n"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with cookies that cannot be read: %d, want 403", answer.StatusCode)
	}
}

func TestCredentialsGoToListedOriginsOnly(t *testing.T) { // row 75
	t.Parallel()
	const listed, other = "https://play.example", "https://evil.example"
	tests := []struct {
		name          string
		opts          Options
		origin        string
		status        int
		allow, shared string
	}{
		{"listed", Options{Origins: []string{listed}, Credentials: true}, listed, 204, listed, "true"},
		{"listed, none wanted", Options{Origins: []string{listed}}, listed, 204, listed, ""},
		{"any", Options{Origins: []string{"*"}, Credentials: true}, other, 204, other, ""},
		{"listed beside any", Options{Origins: []string{"*", listed}, Credentials: true}, listed, 204, listed, "true"},
		{"foreign", Options{Origins: []string{listed}, Credentials: true}, other, 403, "", ""},
		{"null beside any", Options{Origins: []string{"*"}, Credentials: true}, "null", 403, "", ""},
		{"the origin *", Options{Origins: []string{"*"}, Credentials: true}, "*", 403, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, test.opts, nil)
			_, answer := exchange(t, tcp(t, r.addr), "OPTIONS /?EIO=4 HTTP/1.1\r\nHost: game.example\r\nOrigin: "+test.origin+"\r\nAccess-Control-Request-Method: POST\r\n\r\n")
			got := []any{answer.StatusCode, answer.Header.Get("Access-Control-Allow-Origin"), answer.Header.Get("Access-Control-Allow-Credentials")}
			if diff := cmp.Diff([]any{test.status, test.allow, test.shared}, got); diff != "" {
				t.Errorf("answer differs (-want +got):\n%s", diff)
			}
		})
	}
}
