// Package identity calls services of Cloud Run that ask callers who they are.
package identity

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
)

// Transport adds an identity token of this process' account to each request, for an
// audience or else for the host that is asked (cloud.google.com/run/docs/authenticating/service-to-service). Tokens
// are kept until they are about to end. It may be used by many goroutines.
type Transport struct {
	base     http.RoundTripper
	audience string // "": the host of each request

	mu     sync.Mutex
	tokens map[string]oauth2.TokenSource // by audience
}

// New returns a transport over base.
func New(base http.RoundTripper) *Transport {
	return &Transport{base: base, tokens: map[string]oauth2.TokenSource{}}
}

// For returns a transport over base whose tokens are for one audience, such as a custom
// audience of the service that is called; for the hosts when it is empty.
func For(audience string, base http.RoundTripper) *Transport {
	t := New(base)
	t.audience = audience
	return t
}

// RoundTrip implements http.RoundTripper. A request without a token is not sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := t.token(r.Context(), cmp.Or(t.audience, "https://"+r.URL.Host))
	if err != nil {
		return nil, fmt.Errorf("get an identity token: %w", err)
	}
	r = r.Clone(r.Context())
	token.SetAuthHeader(r)
	return t.base.RoundTrip(r)
}

func (t *Transport) token(ctx context.Context, audience string) (*oauth2.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	source := t.tokens[audience]
	if source == nil {
		var err error
		if source, err = idtoken.NewTokenSource(context.WithoutCancel(ctx), audience); err != nil {
			return nil, err
		}
		t.tokens[audience] = source
	}
	return source.Token()
}
