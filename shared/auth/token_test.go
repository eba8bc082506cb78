package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestSignedTokenIsVerified(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, expires, err := h.signer.Sign(ada, "Ada", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{Player: ada, Name: "Ada", Expires: noon.Add(time.Hour)}
	for _, look := range []string{"first", "remembered"} {
		got, err := h.Verify(token)
		if err != nil {
			t.Fatalf("%s: %v", look, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", look, diff)
		}
	}
	if !expires.Equal(want.Expires) {
		t.Errorf("Sign says that it expires at %s, want %s", expires, want.Expires)
	}
	if own, err := h.signer.Verifier().Verify(token); code(err) != problem.TokenExpired && own != want {
		// the signer's own verifier has the real clock, which may be past noon
		t.Errorf("signer's own verifier: %+v, %v", own, err)
	}
}

// TestBadTokensAreRefused has one case per kind of forgery; numbers are the
// rows of the list of bad input.
func TestBadTokensAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := newHouse(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good, claims := goodHeader(), goodClaims()
	token := forge(t, good, claims, h.sign)
	cut := strings.LastIndex(token, ".")
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	none := func([]byte) []byte { return nil }

	tests := []struct {
		name  string
		token string
		want  problem.Code
	}{
		{"45 alg none", forge(t, good.with(fields{"alg": "none"}), claims, none), problem.TokenInvalid},
		{"45 alg None, in other letters", forge(t, good.with(fields{"alg": "nOnE"}), claims, none), problem.TokenInvalid},
		{"45 alg none with our signature", forge(t, good.with(fields{"alg": "none"}), claims, h.sign), problem.TokenInvalid},
		{"45 no alg", forge(t, good.with(fields{"alg": nil}), claims, h.sign), problem.TokenInvalid},
		{"46 HS256 with the public key", forge(t, good.with(fields{"alg": "HS256"}), claims, hs256(h.public)), problem.TokenInvalid},
		{"46 HS256 with the key set's text", forge(t, good.with(fields{"alg": "HS256"}), claims, hs256(h.jwks)), problem.TokenInvalid},
		{"46 EdDSA header, HS256 signature", forge(t, good, claims, hs256(h.public)), problem.TokenInvalid},
		{"46 RS256", forge(t, good.with(fields{"alg": "RS256"}), claims, rs256(t, rsaKey)), problem.TokenInvalid},
		{"47 expired", forge(t, good, claims.with(fields{"exp": at(-31 * time.Second)}), h.sign), problem.TokenExpired},
		{"47 expired, within the leeway", forge(t, good, claims.with(fields{"exp": at(-29 * time.Second)}), h.sign), ""},
		{"47 not yet valid", forge(t, good, claims.with(fields{"nbf": at(31 * time.Second)}), h.sign), problem.TokenInvalid},
		{"47 not yet valid, within the leeway", forge(t, good, claims.with(fields{"nbf": at(29 * time.Second)}), h.sign), ""},
		{"47 issued in the future", forge(t, good, claims.with(fields{"iat": at(31 * time.Second)}), h.sign), problem.TokenInvalid},
		{"47 no exp", forge(t, good, claims.with(fields{"exp": nil}), h.sign), problem.TokenInvalid},
		{"47 no iat", forge(t, good, claims.with(fields{"iat": nil}), h.sign), problem.TokenInvalid},
		{"47 exp is null", forge(t, good.with(nil), map[string]any(claims.with(fields{"exp": (*int)(nil)})), h.sign), problem.TokenInvalid},
		{"48 wrong aud", forge(t, good, claims.with(fields{"aud": "vegascore-operators"}), h.sign), problem.TokenInvalid},
		{"48 no aud", forge(t, good, claims.with(fields{"aud": nil}), h.sign), problem.TokenInvalid},
		{"48 empty aud", forge(t, good, claims.with(fields{"aud": []string{}}), h.sign), problem.TokenInvalid},
		{"48 wrong iss", forge(t, good, claims.with(fields{"iss": "vegascore.example"}), h.sign), problem.TokenInvalid},
		{"48 no iss", forge(t, good, claims.with(fields{"iss": nil}), h.sign), problem.TokenInvalid},
		{"48 expired and for others", forge(t, good, claims.with(fields{"exp": at(-time.Hour), "aud": "x"}), h.sign), problem.TokenInvalid},
		{"49 unknown kid", forge(t, good.with(fields{"kid": "k2"}), claims, h.sign), problem.TokenInvalid},
		{"49 no kid", forge(t, good.with(fields{"kid": nil}), claims, h.sign), problem.TokenInvalid},
		{"49 kid is no text", forge(t, good.with(fields{"kid": []string{"k1"}}), claims, h.sign), problem.TokenInvalid},
		{"49 our kid, another key", forge(t, good, claims, other.sign), problem.TokenInvalid},
		{"49 key in the header", forge(t, good.with(fields{"jwk": fields{"kty": "OKP", "crv": "Ed25519", "x": encode(other.public)}}), claims, other.sign), problem.TokenInvalid},
		{"unknown critical extension", forge(t, good.with(fields{"crit": []string{"b64"}, "b64": false}), claims, h.sign), problem.TokenInvalid},
		{"signature of other claims", token[:cut] + forge(t, good, claims.with(fields{"name": "Eve"}), h.sign)[cut:], problem.TokenInvalid},
		{"no signature", token[:cut+1], problem.TokenInvalid},
		{"two parts", token[:cut], problem.TokenInvalid},
		{"four parts", token + ".x", problem.TokenInvalid},
		{"trailing bits in the signature", token[:len(token)-1] + string(token[len(token)-1]+1), problem.TokenInvalid},
		{"sub is no uuid", forge(t, good, claims.with(fields{"sub": "ada"}), h.sign), problem.TokenInvalid},
		{"sub is the nil uuid", forge(t, good, claims.with(fields{"sub": uuid.Nil.String()}), h.sign), problem.TokenInvalid},
		{"sub in another form", forge(t, good, claims.with(fields{"sub": "urn:uuid:" + ada.String()}), h.sign), problem.TokenInvalid},
		{"long name", forge(t, good, claims.with(fields{"name": strings.Repeat("a", maxName+1)}), h.sign), problem.TokenInvalid},
		{"name is no text", forge(t, good, claims.with(fields{"name": 1}), h.sign), problem.TokenInvalid},
		{"huge", forge(t, good, claims.with(fields{"x": strings.Repeat("a", maxToken)}), h.sign), problem.TokenInvalid},
		{"not a token", "hello", problem.TokenInvalid},
		{"empty", "", problem.TokenMissing},
		{"good", token, ""},
	}
	for _, tt := range tests {
		got, err := h.Verify(tt.token)
		if code(err) != tt.want {
			t.Errorf("%s: code %q, want %q (%v)", tt.name, code(err), tt.want, err)
		}
		if err != nil {
			if got != (Claims{}) {
				t.Errorf("%s: refused, and yet claims %+v", tt.name, got)
			}
			if p := problem.From(err); p.Status != http.StatusUnauthorized {
				t.Errorf("%s: status %d, want 401", tt.name, p.Status)
			}
			if len(tt.token) > 20 && strings.Contains(err.Error(), tt.token) {
				t.Errorf("%s: the error holds the token", tt.name)
			}
		}
	}
}

func TestKeyAddressesInATokenAreNotFetched(t *testing.T) { // row 49
	t.Parallel()
	h, evil := newHouse(t), newHouse(t)
	var fetched atomic.Int32
	bait := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = w.Write(evil.jwks)
	}))
	defer bait.Close()
	for _, name := range []string{"jku", "x5u"} {
		for _, signer := range []*house{evil, h} {
			token := forge(t, goodHeader().with(fields{name: bait.URL}), goodClaims(), signer.sign)
			if _, err := h.Verify(token); code(err) != problem.TokenInvalid {
				t.Errorf("%s: %v, want token_invalid", name, err)
			}
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d fetches", n)
	}
}

func TestARememberedTokenExpires(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := forge(t, goodHeader(), goodClaims(), h.sign)
	if _, err := h.Verify(token); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Hour + leeway - time.Second)
	h.now = func() time.Time { return now }
	if _, err := h.Verify(token); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	now = now.Add(time.Second)
	if _, err := h.Verify(token); code(err) != problem.TokenExpired {
		t.Errorf("after it: %v, want token_expired", err)
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	t.Parallel()
	s := newSeen()
	kept, _, _ := s.get("kept")
	s.put(kept, Claims{Name: "kept"})
	for i := range 5 * seenSize {
		sum, _, hit := s.get(string(rune('a'+i%26)) + time.Duration(i).String())
		if hit {
			t.Fatal("a token was known before it was put")
		}
		s.put(sum, Claims{})
		if i%100 == 0 {
			if _, c, ok := s.get("kept"); !ok || c.Name != "kept" {
				t.Fatalf("a token in use was forgotten after %d others", i)
			}
		}
	}
	if n := len(s.young) + len(s.old); n > 2*seenSize {
		t.Errorf("%d entries, want at most %d", n, 2*seenSize)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, try := range map[string]func() error{
		"nil player": func() error { _, _, err := h.signer.Sign(uuid.Nil, "x", time.Hour); return err },
		"no time":    func() error { _, _, err := h.signer.Sign(ada, "x", 0); return err },
		"long name":  func() error { _, _, err := h.signer.Sign(ada, strings.Repeat("x", maxName+1), time.Hour); return err },
	} {
		if try() == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	h := newHouse(f)
	good := forge(f, goodHeader(), goodClaims(), h.sign)
	f.Add(good)
	f.Add(forge(f, goodHeader().with(fields{"alg": "none"}), goodClaims(), func([]byte) []byte { return nil }))
	f.Add("..")
	f.Add("e30.e30.AA")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := h.Verify(token)
		if err == nil && token != good {
			t.Fatalf("accepted %q as %+v", token, c)
		}
		var p *problem.Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("an error that is no problem: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	token := forge(b, goodHeader(), goodClaims(), h.sign)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.parse(token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
