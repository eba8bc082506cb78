package engineio

import (
	"cmp"
	"net/http"
)

// filledCookie is a copy of the pattern of a server's own cookie with every
// empty field filled in; nil stays nil.
func filledCookie(pattern *http.Cookie) *http.Cookie {
	if pattern == nil {
		return nil
	}
	c := *pattern
	c.Name = cmp.Or(c.Name, "io")
	c.Path = cmp.Or(c.Path, "/")
	c.SameSite = cmp.Or(c.SameSite, http.SameSiteLaxMode)
	c.HttpOnly = true
	return &c
}

// setCookie puts the session's id into the server's own cookie, if it has one.
func (srv *Server) setCookie(h http.Header, id string) {
	if srv.opts.Cookie == nil {
		return
	}
	c := *srv.opts.Cookie
	c.Value = id
	h.Add("Set-Cookie", c.String())
}
