package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/auth"
)

var b64 = base64.RawURLEncoding

// forge makes a token of any header and claims; sign gets the signing input.
func forge(t *testing.T, header, claims map[string]any, sign func(input []byte) []byte) string {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	input := b64.EncodeToString(h) + "." + b64.EncodeToString(c)
	return input + "." + b64.EncodeToString(sign([]byte(input)))
}

// except returns the map without the names in drop, and with the pairs of add.
func except(m map[string]any, drop string, add map[string]any) map[string]any {
	out := maps.Clone(m)
	delete(out, drop)
	maps.Copy(out, add)
	return out
}

func TestBadTokensAreRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	private := seedOf(t, signingKey())
	otherKey, _, err := auth.GenerateKey("test")
	if err != nil {
		t.Fatal(err)
	}
	eddsa := func(in []byte) []byte { return ed25519.Sign(private, in) }
	foreign := func(in []byte) []byte { return ed25519.Sign(seedOf(t, otherKey), in) }
	public, _ := private.Public().(ed25519.PublicKey)
	hs256 := func(in []byte) []byte { m := hmac.New(sha256.New, public); m.Write(in); return m.Sum(nil) }
	unsigned := func([]byte) []byte { return nil }

	// A fetch of keys would come to this listener.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int64
	listening := make(chan struct{})
	go func() { // ends when the listener is closed
		defer close(listening)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			fetches.Add(1)
			conn.Close()
		}
	}()
	defer func() { _ = ln.Close(); <-listening }()
	elsewhere := "http://" + ln.Addr().String() + "/keys"

	now := time.Now().Unix()
	header := map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": "test"}
	claims := map[string]any{"iss": "vegascore", "aud": "vegascore-players", "sub": ada.ID, "name": "Ada", "iat": now, "exp": now + 60}
	if r := s.get("/v1/me", "Authorization", "Bearer "+forge(t, header, claims, eddsa)); r.status != 200 {
		t.Fatalf("the forger's own good token: %d %s", r.status, r.body)
	}
	for what, test := range map[string]struct {
		token, code string
	}{
		"alg none":                {forge(t, except(header, "", map[string]any{"alg": "none"}), claims, unsigned), "token_invalid"},
		"alg None, signed":        {forge(t, except(header, "", map[string]any{"alg": "None"}), claims, eddsa), "token_invalid"},
		"HS256 by the public key": {forge(t, except(header, "", map[string]any{"alg": "HS256"}), claims, hs256), "token_invalid"},
		"no alg":                  {forge(t, except(header, "alg", nil), claims, eddsa), "token_invalid"},
		"another key":             {forge(t, header, claims, foreign), "token_invalid"},
		"expired":                 {forge(t, header, except(claims, "", map[string]any{"iat": now - 100, "exp": now - 60}), eddsa), "token_expired"},
		"not yet valid":           {forge(t, header, except(claims, "", map[string]any{"nbf": now + 60}), eddsa), "token_invalid"},
		"issued in the future":    {forge(t, header, except(claims, "", map[string]any{"iat": now + 60}), eddsa), "token_invalid"},
		"no exp":                  {forge(t, header, except(claims, "exp", nil), eddsa), "token_invalid"},
		"wrong aud":               {forge(t, header, except(claims, "", map[string]any{"aud": "other"}), eddsa), "token_invalid"},
		"no aud":                  {forge(t, header, except(claims, "aud", nil), eddsa), "token_invalid"},
		"wrong iss":               {forge(t, header, except(claims, "", map[string]any{"iss": "other"}), eddsa), "token_invalid"},
		"no iss":                  {forge(t, header, except(claims, "iss", nil), eddsa), "token_invalid"},
		"unknown kid":             {forge(t, except(header, "", map[string]any{"kid": "other"}), claims, eddsa), "token_invalid"},
		"no kid":                  {forge(t, except(header, "kid", nil), claims, eddsa), "token_invalid"},
		"jku":                     {forge(t, except(header, "kid", map[string]any{"jku": elsewhere}), claims, foreign), "token_invalid"},
		"x5u":                     {forge(t, except(header, "", map[string]any{"x5u": elsewhere, "kid": "x"}), claims, foreign), "token_invalid"},
		"no player":               {forge(t, header, except(claims, "sub", nil), eddsa), "token_invalid"},
		"player is no uuid":       {forge(t, header, except(claims, "", map[string]any{"sub": "1 OR 1=1"}), eddsa), "token_invalid"},
		"unknown player":          {forge(t, header, except(claims, "", map[string]any{"sub": "01890a5d-ac96-774b-bcce-b302099a8057"}), eddsa), "token_invalid"},
		"changed payload":         {strings.Replace(ada.token, ".", ".e30", 1), "token_invalid"},
		"no token at all":         {"", "token_missing"},
		"rubbish":                 {"a.b.c", "token_invalid"},
	} {
		r := s.raw(t, post("/v1/bets", test.token, good))
		if r.status != 401 || r.code() != test.code {
			t.Errorf("%s: %d %s; want 401 %s", what, r.status, r.body, test.code)
		}
		if r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", what)
		}
		checkRefusal(t, what, r)
	}
	for _, path := range []string{"/v1/me", "/v1/me/seeds", "/v1/rounds/01890a5d-ac96-774b-bcce-b302099a8057"} {
		if r := s.get(path); r.status != 401 || r.code() != "token_missing" {
			t.Errorf("%s without a token: %d %s", path, r.status, r.body)
		}
		if r := s.get(path + "?token=" + ada.token + "&access_token=" + ada.token); r.status != 401 {
			t.Errorf("%s with the token in its query: %d", path, r.status)
		}
	}
	if fetches.Load() != 0 {
		t.Errorf("%d fetches of keys named by tokens; want none", fetches.Load())
	}
	unharmed(t, ada, pg)
}

// seedOf is the private key of a JWK.
func seedOf(t *testing.T, jwk []byte) ed25519.PrivateKey {
	t.Helper()
	var key struct{ D string }
	if err := json.Unmarshal(jwk, &key); err != nil {
		t.Fatal(err)
	}
	seed, err := b64.DecodeString(key.D)
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}
