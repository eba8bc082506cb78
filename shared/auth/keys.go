package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// jwk is the part of an RFC 8037 key (kty OKP, crv Ed25519) that we use.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Kid string `json:"kid"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	X   string `json:"x"`
	D   string `json:"d,omitempty"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// GenerateKey makes a signing key: the private JWK for NewSigner and the public
// key set for NewVerifier. The kid must not be empty; change it with every key.
func GenerateKey(kid string) (privateJWK, publicJWKS []byte, err error) {
	if kid == "" {
		return nil, nil, errors.New("generate key: empty kid")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	key := jwk{Kty: "OKP", Crv: "Ed25519", Kid: kid, Use: "sig", Alg: "EdDSA", X: encode(public)}
	if publicJWKS, err = json.Marshal(jwks{Keys: []jwk{key}}); err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	key.D = encode(private.Seed())
	if privateJWK, err = json.Marshal(key); err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	return privateJWK, publicJWKS, nil
}

// private reads the signing key. Errors never hold a part of the key.
func private(data []byte) (kid string, key ed25519.PrivateKey, err error) {
	var k jwk
	if json.Unmarshal(data, &k) != nil {
		return "", nil, errors.New("signing key is not a JWK")
	}
	public, err := k.public()
	if err != nil {
		return "", nil, err
	}
	seed, err := base64.RawURLEncoding.DecodeString(k.D)
	if err != nil || len(seed) != ed25519.SeedSize {
		return "", nil, fmt.Errorf("signing key %q has no private part d of %d bytes", k.Kid, ed25519.SeedSize)
	}
	key = ed25519.NewKeyFromSeed(seed)
	if !public.Equal(key.Public()) {
		return "", nil, fmt.Errorf("signing key %q: x does not belong to d", k.Kid)
	}
	return k.Kid, key, nil
}

// public reads the public part of a key that may sign our tokens.
func (k jwk) public() (ed25519.PublicKey, error) {
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	switch {
	case k.Kid == "":
		return nil, errors.New("key has no kid")
	case k.Kty != "OKP" || k.Crv != "Ed25519", k.Alg != "" && k.Alg != "EdDSA", k.Use != "" && k.Use != "sig":
		return nil, fmt.Errorf("key %q is not an Ed25519 signing key", k.Kid)
	case err != nil || len(x) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("key %q: x is not a public key of %d bytes", k.Kid, ed25519.PublicKeySize)
	}
	return x, nil
}

// publicSet reads a key set. Private parts in it are a leak: they are refused.
func publicSet(data []byte) (map[string]ed25519.PublicKey, error) {
	var set jwks
	if json.Unmarshal(data, &set) != nil || len(set.Keys) == 0 {
		return nil, errors.New(`token keys are not a JWKS such as {"keys":[{"kty":"OKP",...}]}`)
	}
	keys := make(map[string]ed25519.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		public, err := k.public()
		if err != nil {
			return nil, err
		}
		if k.D != "" {
			return nil, fmt.Errorf("key %q in the public set holds its private part", k.Kid)
		}
		if _, twice := keys[k.Kid]; twice {
			return nil, fmt.Errorf("kid %q is in the key set twice", k.Kid)
		}
		keys[k.Kid] = public
	}
	return keys, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
