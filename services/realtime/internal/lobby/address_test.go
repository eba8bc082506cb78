package lobby

import (
	"net/http"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

func TestAnAddressCannotBeSupplied(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		remote    string
		forwarded []string
		hops      int
		want      string
	}{
		{"192.0.2.1:50000", nil, 0, "192.0.2.1"},
		{"192.0.2.1:50000", nil, 2, "192.0.2.1"}, // past the proxies
		{"[2001:db8:1:2:3::4]:50000", nil, 0, "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.1]:50000", nil, 0, "192.0.2.1"},
		{"10.0.0.1:50000", []string{"192.0.2.1"}, 1, "192.0.2.1"},
		{"10.0.0.1:50000", []string{"6.6.6.6, 192.0.2.1"}, 1, "192.0.2.1"},
		{"10.0.0.1:50000", []string{"6.6.6.6, 192.0.2.1, 10.0.0.2"}, 2, "192.0.2.1"},
		{"10.0.0.1:50000", []string{"6.6.6.6", "192.0.2.1", "10.0.0.2"}, 2, "192.0.2.1"},
		{"10.0.0.1:50000", []string{"6.6.6.6, nonsense"}, 1, ""},
		{"10.0.0.1:50000", []string{"192.0.2.1"}, 2, "10.0.0.1"},
		{"10.0.0.1:50000", []string{"192.0.2.1"}, 0, ""}, // every player's would be the proxy's
		{"pipe", nil, 0, ""},
	} {
		h := &engineio.Handshake{RemoteAddr: test.remote, Headers: http.Header{"X-Forwarded-For": test.forwarded}}
		if got := address(h, test.hops); got != test.want {
			t.Errorf("%s %q over %d hops: %q, want %q", test.remote, test.forwarded, test.hops, got, test.want)
		}
	}
}
