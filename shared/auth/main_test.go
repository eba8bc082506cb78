package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ada = uuid.MustParse("01939c5a-0000-7000-8000-000000000001")

// noon is the time at which the tokens of these tests are good.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type fields map[string]any

// with returns a copy with changes; a nil value removes a field.
func (f fields) with(changes fields) fields {
	c := maps.Clone(f)
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func goodHeader() fields { return fields{"alg": "EdDSA", "typ": "JWT", "kid": "k1"} }

func goodClaims() fields {
	return fields{
		"iss": "vegascore", "aud": "vegascore-players", "sub": ada.String(), "name": "Ada",
		"iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
}

// forge puts a token together; sign makes the signature of "header.claims".
func forge(t testing.TB, header, claims any, sign func(input []byte) []byte) string {
	t.Helper()
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return encode(data)
	}
	input := part(header) + "." + part(claims)
	return input + "." + encode(sign([]byte(input)))
}

// house is a key, and the verifier of its tokens, whose clock stands at noon.
type house struct {
	key    ed25519.PrivateKey
	public ed25519.PublicKey
	jwks   []byte
	signer *Signer
	*Verifier
}

func newHouse(t testing.TB) *house {
	t.Helper()
	private, jwks, err := GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(jwks)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return noon }
	s.now, v.now = clock, clock
	public, _ := s.key.Public().(ed25519.PublicKey)
	return &house{s.key, public, jwks, s, v}
}

func (h *house) sign(input []byte) []byte { return ed25519.Sign(h.key, input) }

func hs256(key []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

func rs256(t testing.TB, key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

// code returns the problem code of err, "" for nil and "?" for another error.
func code(err error) problem.Code {
	var p *problem.Problem
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		return p.Code
	default:
		return "?"
	}
}
