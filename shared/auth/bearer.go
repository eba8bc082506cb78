package auth

import (
	"errors"
	"net/http"
	"strings"
)

// Bearer returns the request's bearer token (RFC 6750, section 2.1), or a 401
// problem. A token in the query string is never looked at: query strings end up
// in logs.
func Bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", missing()
	}
	if len(values) > 1 { // two proxies could pick different ones
		return "", invalid(errors.New("more than one Authorization header"))
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", missing()
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", missing()
	}
	if strings.ContainsAny(token, " \t,") {
		return "", invalid(errors.New("malformed bearer token"))
	}
	return token, nil
}
