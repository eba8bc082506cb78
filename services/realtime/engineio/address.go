package engineio

import (
	"net/http"
	"net/netip"
	"strings"
)

// networkBits is how much of an IPv6 address names its holder: a household gets
// at least such a network and may use any address in it.
const networkBits = 64

// clientAddress is where a request comes from, with hops proxies in between; of
// an IPv6 address the network. It is the zero Addr when nobody can tell: the
// connection has no IP address, or a proxy sent the request though none is
// configured, so that the connection's address may be everybody's.
func clientAddress(r *http.Request, hops int) netip.Addr {
	if hops == 0 && len(r.Header["X-Forwarded-For"]) > 0 {
		return netip.Addr{}
	}
	addr, ok := forwardedFor(r.Header, hops)
	if !ok {
		remote, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return netip.Addr{}
		}
		addr = remote.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(networkBits) // an IPv6 address has that many bits
		return network.Addr()
	}
	return addr
}

// forwardedFor is the entry of X-Forwarded-For that the farthest of our own
// proxies made: the hops-th from the end. Entries before it are whatever the
// client claims. ok is false when there is none, because the request did not
// come by those proxies.
func forwardedFor(h http.Header, hops int) (addr netip.Addr, ok bool) {
	if hops <= 0 {
		return addr, false
	}
	rest := strings.Join(h.Values("X-Forwarded-For"), ",")
	var entry string
	for range hops {
		if rest == "" {
			return addr, false
		}
		i := strings.LastIndexByte(rest, ',')
		entry, rest = rest[i+1:], rest[:max(i, 0)]
	}
	entry = strings.TrimSpace(entry)
	if addr, err := netip.ParseAddr(entry); err == nil {
		return addr, true
	}
	with, err := netip.ParseAddrPort(entry) // some proxies add the port
	return with.Addr(), err == nil
}
