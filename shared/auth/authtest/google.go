// Package authtest is Google's identity provider at the wire, for tests of those who check
// its tokens.
package authtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// Key is the id of the key that signs.
const Key = "key-1"

// Google serves its keys at URL as https://www.googleapis.com/oauth2/v3/certs does, and
// signs tokens of the form that Cloud Scheduler and services of Cloud Run send.
type Google struct {
	URL string

	key     *rsa.PrivateKey
	fetches atomic.Int32
}

// NewGoogle starts one for a test.
func NewGoogle(t testing.TB) *Google {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := &Google{key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.fetches.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=19000, must-revalidate, no-transform")
		w.Header().Set("Connection", "close")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": Key, "n": url64(key.N.Bytes()), "e": url64(big.NewInt(int64(key.E)).Bytes()),
		}}})
	}))
	t.Cleanup(server.Close)
	g.URL = server.URL
	return g
}

// Fetches is how often the keys were fetched.
func (g *Google) Fetches() int { return int(g.fetches.Load()) }

// Claims are those of a good token of an account for an audience, with changes; a nil value
// takes one away.
func Claims(account, audience string, changes map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "104029999999999999999", "sub": "104029999999999999999",
		"email": account, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// Sign makes a token of the claims; kid is Key, or one that nobody knows.
func (g *Google) Sign(t testing.TB, kid string, claims map[string]any) string {
	t.Helper()
	header, err := json.Marshal(map[string]string{"alg": "RS256", "kid": kid, "typ": "JWT"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := url64(header) + "." + url64(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, g.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + url64(signature)
}

func url64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
