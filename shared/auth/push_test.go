package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vegascore/vegascore/shared/problem"
)

const (
	pusher       = "push@vegascore.iam.gserviceaccount.com"
	pushAudience = "https://events.vegascore.example/round-settled"
	provider     = "https://accounts.google.com"
)

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaSet(t testing.TB, kid string, key *rsa.PrivateKey) []byte {
	t.Helper()
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: kid, Algorithm: "RS256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pushHeader() fields { return fields{"alg": "RS256", "typ": "JWT", "kid": "p1"} }

func pushClaims() fields {
	now := time.Now()
	return fields{"iss": provider, "aud": pushAudience, "sub": "1", "email": pusher, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

func delivery(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPushTokens(t *testing.T) { // rows 65 and 66
	t.Parallel()
	key, stranger, house := rsaKey(t), rsaKey(t), newHouse(t)
	v, err := NewPushVerifier(context.Background(), PushConfig{Audience: pushAudience, Issuer: provider, Email: pusher, JWKSFile: writeFile(t, rsaSet(t, "p1", key))})
	if err != nil {
		t.Fatal(err)
	}
	sign, header, claims := rs256(t, key), pushHeader(), pushClaims()
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tests := []struct {
		name  string
		token string
		want  problem.Code
	}{
		{"good", forge(t, header, claims, sign), ""},
		{"issuer without scheme, as Google may send it", forge(t, header, claims.with(fields{"iss": "accounts.google.com"}), sign), ""},
		{"65 none", "", problem.TokenMissing},
		{"65 not a token", "x", problem.TokenInvalid},
		{"65 huge", strings.Repeat("x", maxToken+1), problem.TokenInvalid},
		{"65 alg none", forge(t, header.with(fields{"alg": "none"}), claims, func([]byte) []byte { return nil }), problem.TokenInvalid},
		{"65 HS256 with the public key", forge(t, header.with(fields{"alg": "HS256"}), claims, hs256(rsaSet(t, "p1", key))), problem.TokenInvalid},
		{"65 a player's token", forge(t, goodHeader(), goodClaims(), house.sign), problem.TokenInvalid},
		{"65 a stranger's key", forge(t, header, claims, rs256(t, stranger)), problem.TokenInvalid},
		{"65 unknown kid", forge(t, header.with(fields{"kid": "p2"}), claims, sign), problem.TokenInvalid},
		{"65 no kid", forge(t, header.with(fields{"kid": nil}), claims, sign), problem.TokenInvalid},
		{"65 wrong audience", forge(t, header, claims.with(fields{"aud": "https://other.example"}), sign), problem.TokenInvalid},
		{"65 no audience", forge(t, header, claims.with(fields{"aud": nil}), sign), problem.TokenInvalid},
		{"65 wrong issuer", forge(t, header, claims.with(fields{"iss": "https://evil.example"}), sign), problem.TokenInvalid},
		{"65 expired", forge(t, header, claims.with(fields{"exp": at(-40 * time.Second)}), sign), problem.TokenExpired},
		{"65 expired, within the leeway", forge(t, header, claims.with(fields{"exp": at(-20 * time.Second)}), sign), ""},
		{"65 no expiry", forge(t, header, claims.with(fields{"exp": nil}), sign), problem.TokenExpired},
		{"65 not yet valid", forge(t, header, claims.with(fields{"nbf": at(time.Hour)}), sign), problem.TokenInvalid},
		{"66 another account", forge(t, header, claims.with(fields{"email": "eve@vegascore.iam.gserviceaccount.com"}), sign), problem.Forbidden},
		{"66 no account", forge(t, header, claims.with(fields{"email": nil}), sign), problem.Forbidden},
		{"66 account not verified", forge(t, header, claims.with(fields{"email_verified": false}), sign), problem.Forbidden},
		{"66 nothing said about verification", forge(t, header, claims.with(fields{"email_verified": nil}), sign), problem.Forbidden},
	}
	for _, tt := range tests {
		if err := v.Verify(context.Background(), delivery(tt.token)); code(err) != tt.want {
			t.Errorf("%s: code %q, want %q (%v)", tt.name, code(err), tt.want, err)
		}
	}
}

func TestPushConfigThatIsRefused(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "p1"}}})
	if err != nil {
		t.Fatal(err)
	}
	whole := PushConfig{Audience: "a", Issuer: "i", Email: "e", JWKSURL: "http://192.0.2.1/"}
	for name, change := range map[string]func(*PushConfig){
		"no audience":           func(c *PushConfig) { c.Audience = "" },
		"no email":              func(c *PushConfig) { c.Email = "" },
		"no issuer":             func(c *PushConfig) { c.Issuer = "" },
		"no keys":               func(c *PushConfig) { c.JWKSURL = "" },
		"no such file":          func(c *PushConfig) { c.JWKSFile = "/nowhere" },
		"file is no key set":    func(c *PushConfig) { c.JWKSFile = writeFile(t, []byte("x")) },
		"file holds no RSA key": func(c *PushConfig) { c.JWKSFile = writeFile(t, []byte(`{"keys":[]}`)) },
		"file holds a private":  func(c *PushConfig) { c.JWKSFile = writeFile(t, private) },
	} {
		c := whole
		change(&c)
		if _, err := NewPushVerifier(context.Background(), c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// keyServer serves a key set and counts the fetches. Its answer can be changed.
type keyServer struct {
	*httptest.Server
	fetches atomic.Int32
	answer  atomic.Pointer[[]byte] // nil: status 500
}

func newKeyServer(t *testing.T, set []byte) *keyServer {
	s := new(keyServer)
	s.answer.Store(&set)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		w.Header().Set("Connection", "close")
		if body := s.answer.Load(); body != nil {
			_, _ = w.Write(*body)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	return s
}

// remote returns a verifier with keys at a URL and the clock of its fetches.
func remote(t *testing.T, url string) (*PushVerifier, *atomic.Int64) {
	t.Helper()
	var seconds atomic.Int64
	keys := newRemoteKeys(context.Background(), url, func() time.Time { return noon.Add(time.Duration(seconds.Load()) * time.Second) })
	return newPushVerifier(PushConfig{Audience: pushAudience, Issuer: provider, Email: pusher}, keys), &seconds
}

func TestRemoteKeysAreFetchedLazilyAndSeldom(t *testing.T) {
	t.Parallel()
	key, next := rsaKey(t), rsaKey(t)
	server := newKeyServer(t, rsaSet(t, "p1", key))
	v, clock := remote(t, server.URL)
	verify := func(header fields, key *rsa.PrivateKey) problem.Code {
		return code(v.Verify(context.Background(), delivery(forge(t, header, pushClaims(), rs256(t, key)))))
	}
	if n := server.fetches.Load(); n != 0 {
		t.Fatalf("%d fetches before the first token", n)
	}
	for range 3 {
		if got := verify(pushHeader(), key); got != "" {
			t.Fatalf("good token: %s", got)
		}
	}
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("%d fetches for three good tokens, want 1", n)
	}
	// Forged tokens, in parallel, cause none inside the interval.
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if got := verify(pushHeader().with(fields{"kid": fmt.Sprint("x", i)}), next); got != problem.TokenInvalid {
				t.Errorf("forged token: %q, want token_invalid", got)
			}
		})
	}
	wg.Wait()
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("%d fetches after forged tokens, want 1", n)
	}
	// The provider's next key is found after it.
	set := rsaSet(t, "p2", next)
	server.answer.Store(&set)
	clock.Add(10)
	if got := verify(pushHeader().with(fields{"kid": "p2"}), next); got != "" {
		t.Errorf("token of the next key: %s", got)
	}
	if n := server.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

func TestKeysThatCannotBeHadAreNotTheCallersFault(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	server := newKeyServer(t, rsaSet(t, "p1", key))
	good := server.answer.Load()
	v, clock := remote(t, server.URL)
	verify := func() problem.Code {
		return code(v.Verify(context.Background(), delivery(forge(t, pushHeader(), pushClaims(), rs256(t, key)))))
	}
	garbage := []byte("<html>")
	for _, bad := range []*[]byte{nil, &garbage} {
		server.answer.Store(bad)
		clock.Add(1)
		if got := verify(); got != problem.Unavailable {
			t.Errorf("no keys: %q, want unavailable", got)
		}
	}
	if n := server.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	server.answer.Store(good)
	if got := verify(); got != problem.Unavailable {
		t.Errorf("inside the pause: %q, want unavailable", got)
	}
	clock.Add(1)
	if got := verify(); got != "" {
		t.Errorf("keys are back: %q", got)
	}
	server.answer.Store(nil)
	clock.Add(100)
	if got := verify(); got != "" {
		t.Errorf("known key while the provider is down: %q", got)
	}
}

func TestAFetchEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hung.Close()
	defer close(release)
	v, _ := remote(t, hung.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	token := forge(t, pushHeader(), pushClaims(), rs256(t, rsaKey(t)))
	if err := v.Verify(ctx, delivery(token)); code(err) != problem.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}
