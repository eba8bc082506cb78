package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Handshake is what is kept of the request that opened a session. Its maps are
// shared by all readers and must not be changed.
type Handshake struct {
	Headers    http.Header
	Query      url.Values
	URL        string // path and query as the client sent them
	RemoteAddr string
	Address    netip.Addr // the client's, see Limits.Hops; of IPv6 its network, zero when unknown
	Secure     bool       // the connection to this server is encrypted
	XDomain    bool       // the request named an origin
	Issued     time.Time
}

func newHandshake(r *http.Request, query url.Values, hops int) Handshake {
	return Handshake{
		Headers:    r.Header,
		Query:      query,
		URL:        r.URL.RequestURI(),
		RemoteAddr: r.RemoteAddr,
		Address:    clientAddress(r, hops),
		Secure:     r.TLS != nil,
		XDomain:    r.Header.Get("Origin") != "",
		Issued:     time.Now(),
	}
}

// newID returns 20 characters that nobody can guess: 15 random bytes, the
// length that Socket.IO servers use.
func newID() string {
	var b [15]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
