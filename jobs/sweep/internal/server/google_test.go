package server

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

const (
	scheduler = "scheduler@vegascore.iam.gserviceaccount.com"
	audience  = "https://sweep.vegascore.example"
)

// google is an identity provider at the wire: it serves its keys as
// https://www.googleapis.com/oauth2/v3/certs does and signs tokens of the form that
// Cloud Scheduler sends.
type google struct {
	*httptest.Server
	key     *rsa.PrivateKey
	fetches atomic.Int32
}

func newGoogle(t *testing.T) *google {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := &google{key: key}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.fetches.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=19000, must-revalidate, no-transform")
		w.Header().Set("Connection", "close")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "key-1", "n": url64(key.N.Bytes()), "e": url64(big.NewInt(int64(key.E)).Bytes()),
		}}})
	}))
	t.Cleanup(g.Close)
	return g
}

func url64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// claims are those of a good token, with changes; a nil value takes one away.
func claims(changes map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": "https://accounts.google.com", "aud": audience, "azp": "104029999999999999999", "sub": "104029999999999999999",
		"email": scheduler, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// sign makes a token of the claims.
func (g *google) sign(t *testing.T, kid string, claims map[string]any) string {
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
