package engineio

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		hops      int
		forwarded []string
		remote    string
		want      string
	}{
		{"the connection's", 0, nil, "198.51.100.7:4711", "198.51.100.7"},
		{"a proxy that is not configured", 0, []string{"203.0.113.9"}, "198.51.100.7:4711", "invalid IP"},
		{"one proxy", 1, []string{"203.0.113.9"}, "10.0.0.1:1", "203.0.113.9"},
		{"one proxy, spoofed (row 64)", 1, []string{"1.1.1.1, 2.2.2.2,203.0.113.9"}, "10.0.0.1:1", "203.0.113.9"},
		{"two proxies", 2, []string{"203.0.113.9, 10.0.0.2"}, "10.0.0.1:1", "203.0.113.9"},
		{"two proxies, spoofed (row 64)", 2, []string{"1.1.1.1, 203.0.113.9, 10.0.0.2"}, "10.0.0.1:1", "203.0.113.9"},
		{"spoofed in a header of its own (row 64)", 2, []string{"1.1.1.1", "203.0.113.9, 10.0.0.2"}, "10.0.0.1:1", "203.0.113.9"},
		{"past the proxies", 2, []string{"203.0.113.9"}, "198.51.100.7:4711", "198.51.100.7"},
		{"no header", 1, nil, "198.51.100.7:4711", "198.51.100.7"},
		{"no address", 1, []string{"unknown"}, "198.51.100.7:4711", "198.51.100.7"},
		{"empty entry", 1, []string{"203.0.113.9,"}, "198.51.100.7:4711", "198.51.100.7"},
		{"with a port", 1, []string{"203.0.113.9:99"}, "10.0.0.1:1", "203.0.113.9"},
		{"IPv6: the network", 1, []string{"2001:db8:1:2:3:4:5:6"}, "10.0.0.1:1", "2001:db8:1:2::"},
		{"IPv6 with a port", 1, []string{"[2001:db8:1:2::9]:99"}, "10.0.0.1:1", "2001:db8:1:2::"},
		{"IPv6 connection with a zone", 0, nil, "[fe80::1%eth0]:1", "fe80::"},
		{"IPv4 in IPv6", 0, nil, "[::ffff:198.51.100.7]:1", "198.51.100.7"},
		{"no IP connection", 0, nil, "pipe", "invalid IP"},
	}
	for _, test := range tests {
		r := &http.Request{Header: http.Header{"X-Forwarded-For": test.forwarded}, RemoteAddr: test.remote}
		if got := clientAddress(r, test.hops).String(); got != test.want {
			t.Errorf("%s: clientAddress() = %s, want %s", test.name, got, test.want)
		}
	}
}

// TestAddressesCostBoundedMemory: millions of addresses that ask once are not
// all remembered, and one that is over its rate is not forgotten for them as
// long as its burst takes.
func TestAddressesCostBoundedMemory(t *testing.T) {
	t.Parallel()
	v := newVisitors(Limits{PerAddress: Rate{PerSecond: 1, Burst: 2}, Open: 3})
	now := time.Second
	keeper := netip.MustParseAddr("192.0.2.1")
	if !v.enter(keeper) {
		t.Fatal("the first session was refused")
	}
	for i := range 4 * maxIdle {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if _, ok := v.ask(from, now); !ok {
			t.Fatalf("address %d was refused", i)
		}
		if i == 2*maxIdle {
			now += time.Minute // all that was remembered may go
		}
	}
	if got := len(v.known); got > maxIdle+1 {
		t.Errorf("%d addresses are remembered, want %d at most", got, maxIdle+1)
	}
	if v.known[keeper].open != 1 {
		t.Error("an address with a session was forgotten")
	}
	idle := 0
	for _, who := range v.known {
		if who.open == 0 {
			idle++
		}
	}
	if idle != v.idle {
		t.Errorf("%d idle addresses, counted %d", idle, v.idle)
	}
}

func TestAddressesAreForgottenWithTheirSessions(t *testing.T) {
	t.Parallel()
	v := newVisitors(Limits{Open: 2, PerAddress: Rate{PerSecond: 1, Burst: 10}})
	for i := range 100 {
		from := netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", i))
		if _, ok := v.ask(from, 0); !ok || !v.enter(from) || !v.enter(from) || v.enter(from) {
			t.Fatalf("address %d: want two sessions and not a third", i)
		}
		v.leave(from, time.Minute)
		v.leave(from, time.Minute)
	}
	if len(v.known) != 0 || v.idle != 0 {
		t.Errorf("%d addresses are remembered, %d idle, want none", len(v.known), v.idle)
	}
}
