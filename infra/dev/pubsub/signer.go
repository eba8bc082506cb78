package pubsub

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenLife is how long a token is valid, and tokenRenew how long before its end
// it is replaced. Google's live an hour, too.
const (
	tokenLife  = time.Hour
	tokenRenew = 10 * time.Minute
)

// Signer makes the identity tokens of push requests with a key of this machine.
// It may be used concurrently.
type Signer struct {
	Issuer string
	Email  string // the service account that the tokens name

	key *rsa.PrivateKey
	kid string

	mu     sync.Mutex
	tokens map[string]token // by audience
}

type token struct {
	text    string
	expires time.Time
}

// NewSigner reads the key at folder/push.pem, or makes one, and writes the public
// half to folder/push-jwks.json for those who check tokens.
func NewSigner(folder, issuer, email string) (*Signer, error) {
	file := filepath.Join(folder, "push.pem")
	key, err := readKey(file)
	if errors.Is(err, os.ErrNotExist) {
		key, err = makeKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("key of push tokens: %w", err)
	}
	s := &Signer{Issuer: issuer, Email: email, key: key, tokens: map[string]token{}}
	sum := sha256.Sum256(key.N.Bytes())
	s.kid = base64.RawURLEncoding.EncodeToString(sum[:9])
	if err := os.WriteFile(JWKSFile(folder), s.JWKS(), 0o600); err != nil {
		return nil, fmt.Errorf("public key of push tokens: %w", err)
	}
	return s, nil
}

// JWKSFile is where NewSigner writes the public key set.
func JWKSFile(folder string) string { return filepath.Join(folder, "push-jwks.json") }

func readKey(file string) (*rsa.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, want RSA", file, key)
	}
	return private, nil
}

func makeKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), 0o600)
}

// JWKS is the public key set.
func (s *Signer) JWKS() []byte {
	encode := base64.RawURLEncoding.EncodeToString
	b, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": s.kid,
		"n": encode(s.key.N.Bytes()), "e": encode(big.NewInt(int64(s.key.E)).Bytes()),
	}}})
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// Token is an identity token for an audience.
func (s *Signer) Token(audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if t, ok := s.tokens[audience]; ok && t.expires.Sub(now) > tokenRenew {
		return t.text, nil
	}
	expires := now.Add(tokenLife)
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": s.Issuer, "aud": audience, "azp": "100000000000000000001", "sub": "100000000000000000001",
		"email": s.Email, "email_verified": true, "iat": now.Unix(), "exp": expires.Unix(),
	})
	t.Header["kid"] = s.kid
	text, err := t.SignedString(crypto.Signer(s.key))
	if err != nil {
		return "", fmt.Errorf("sign a push token: %w", err)
	}
	s.tokens[audience] = token{text, expires}
	return text, nil
}
