package lobby

import (
	"net"
	"net/netip"
	"strings"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

// address is where a client's traffic comes from, for the pace of its address: an IPv4
// address, or the 64 bits of an IPv6 network, which is what one household has. Proxies
// in front, so many as hops, each add to X-Forwarded-For from whom they had the request,
// so the client's is that many from the end, and what stands before was supplied by
// the client. Without hops a forwarded request has no address that tells players apart: "".
func address(h *engineio.Handshake, hops int) string {
	var passed []string
	for _, line := range h.Headers.Values("X-Forwarded-For") {
		passed = append(passed, strings.Split(line, ",")...)
	}
	text := h.RemoteAddr
	switch {
	case hops == 0 && len(passed) > 0:
		return ""
	case hops > 0 && len(passed) >= hops:
		text = passed[len(passed)-hops]
	}
	text = strings.TrimSpace(text)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		network, err := ip.Prefix(64)
		if err == nil { // an address of 128 bits has 64
			return network.String()
		}
	}
	return ip.String()
}
