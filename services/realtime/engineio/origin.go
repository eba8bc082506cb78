package engineio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/websocket"
)

// origins decides which pages may use the server. Browsers send cookies and
// open websockets across sites, so this check is what keeps a foreign page from
// acting as the player (OWASP WebSocket cheat sheet).
type origins struct {
	any         bool
	listed      map[string]bool
	credentials bool
	cookie      string // the name of the server's own cookie, if it sets one
}

func newOrigins(opts *Options) origins {
	o := origins{listed: make(map[string]bool), credentials: opts.Credentials}
	if opts.Cookie != nil {
		o.cookie = opts.Cookie.Name
	}
	for _, origin := range opts.Origins {
		if origin == "*" {
			o.any = true
		}
		o.listed[strings.ToLower(origin)] = true
	}
	return o
}

// cors reports whether pages of other hosts may use the server at all.
func (o origins) cors() bool { return len(o.listed) > 0 }

// allow reports whether the request comes from an allowed page or from a
// program that is no browser. A websocket handshake without an origin is not
// from a browser; with cookies of others, and without a bearer token beside
// them, it is refused, because nothing tells it from a forged one.
func (o origins) allow(r *http.Request) bool {
	named := r.Header.Values("Origin")
	if len(named) == 0 {
		bearer := strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "bearer ")
		return bearer || !websocket.IsWebSocketUpgrade(r) || !o.foreignCookie(r)
	}
	if len(named) > 1 {
		return false
	}
	u, err := url.Parse(named[0])
	// A whole origin has a scheme and a host and nothing else; "null" has neither.
	if err != nil || u.Host == "" || !strings.EqualFold(u.Scheme+"://"+u.Host, named[0]) {
		return false
	}
	return o.any || strings.EqualFold(u.Host, r.Host) || o.listed[strings.ToLower(named[0])]
}

// foreignCookie reports whether a request has a cookie besides the one that
// this server sets, with which nobody is identified.
func (o origins) foreignCookie(r *http.Request) bool {
	cookies := r.Cookies()
	if len(cookies) == 0 {
		return r.Header.Get("Cookie") != "" // none that can be read
	}
	return slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return c.Name != o.cookie })
}

// share sets the CORS headers that let an allowed page of another host read the
// answer. Credentials are shared with listed origins at most: with "*" any page
// could act as the player.
func (o origins) share(h http.Header, r *http.Request) {
	if !o.cors() {
		return
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	if o.credentials && o.listed[strings.ToLower(origin)] {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
}
