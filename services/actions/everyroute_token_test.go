package main

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/auth/authtest"
)

// forged is a token that proves nothing, and its code.
type forged struct{ what, token, code string }

// forgedTokens are by the way to prove who one is; player is one who exists.
func forgedTokens(t *testing.T, g *authtest.Google, player string) map[string][]forged {
	t.Helper()
	otherKey, _, err := auth.GenerateKey("test")
	if err != nil {
		t.Fatal(err)
	}
	by := func(jwk []byte) func([]byte) []byte {
		key := seedOf(t, jwk)
		return func(input []byte) []byte { return ed25519.Sign(key, input) }
	}
	unsigned := func([]byte) []byte { return nil }
	now, stranger := time.Now().Unix(), authtest.NewGoogle(t)
	header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": "test"}
	none := map[string]any{"alg": "none"}
	claims := map[string]any{"iss": auth.Issuer, "aud": auth.Audience, "sub": player, "name": "Ada", "iat": now, "exp": now + 60}
	ours := authtest.Claims(sweeper, actionsAudience, nil)
	return map[string][]forged{
		"player": {
			{"expired", forge(t, header, except(claims, "", map[string]any{"iat": now - 100, "exp": now - 60}), by(signingKey())), "token_expired"},
			{"of another key", forge(t, header, claims, by(otherKey)), "token_invalid"},
			{"of no algorithm", forge(t, except(header, "", none), claims, unsigned), "token_invalid"},
			{"of a service", g.Sign(t, authtest.Key, ours), "token_invalid"},
		},
		"service": {
			{"expired", g.Sign(t, authtest.Key, except(ours, "", map[string]any{"exp": now - 3600})), "token_expired"},
			{"of another key", stranger.Sign(t, authtest.Key, ours), "token_invalid"},
			{"of no algorithm", forge(t, map[string]any{"alg": "none", "kid": authtest.Key}, ours, unsigned), "token_invalid"},
			{"of a player", forge(t, header, claims, by(signingKey())), "token_invalid"},
		},
	}
}

func (r route) badTokens(add adder) {
	if r.token == "" {
		return
	}
	if r.needsToken {
		add("token_missing", "no token", r.request(r.path, r.good(), "Authorization", "-"))
	}
	for _, f := range r.forged {
		add(f.code, "a token "+f.what, r.request(r.path, r.good(), "Authorization", "Bearer "+f.token))
	}
	for _, bad := range []forged{
		{"no scheme", r.token, "token_missing"},
		{"another scheme", "Basic " + r.token, "token_missing"},
		{"a scheme alone", "Bearer", "token_missing"},
		{"a scheme and a space", "Bearer ", "token_missing"},
		{"two headers", "Bearer " + r.token + "\r\nAuthorization: Bearer " + r.token, "token_invalid"},
		{"garbage", "Bearer x.y.z", "token_invalid"},
		{"a token and a half", "Bearer " + r.token + "x", "token_invalid"},
		{"8 KB", "Bearer " + strings.Repeat("a", 8000), "token_invalid"},
	} {
		add(bad.code, bad.what, r.request(r.path, r.good(), "Authorization", bad.token))
	}
}
