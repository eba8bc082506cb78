package auth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/problem"
)

// What every player token says of itself.
const (
	Issuer   = "vegascore"
	Audience = "vegascore-players"
)

const (
	leeway   = 30 * time.Second // clock skew that is tolerated between our own hosts
	maxToken = 4 << 10          // bytes; ours have about 300
	maxName  = 128              // bytes in a token's name
)

// Claims is what a verified token says.
type Claims struct {
	Player  uuid.UUID
	Name    string
	Expires time.Time
}

// payload is the token's body on the wire.
type payload struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

// Signer issues player tokens. It may be used by many goroutines.
type Signer struct {
	kid string
	key ed25519.PrivateKey
	now func() time.Time
}

// NewSigner reads an Ed25519 key in private JWK form: see GenerateKey.
func NewSigner(privateJWK []byte) (*Signer, error) {
	kid, key, err := private(privateJWK)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	return &Signer{kid: kid, key: key, now: time.Now}, nil
}

// Sign returns a token for the player that lives for ttl, and its expiry in
// whole seconds.
func (s *Signer) Sign(player uuid.UUID, name string, ttl time.Duration) (token string, expires time.Time, err error) {
	if player == uuid.Nil || len(name) > maxName || ttl <= 0 {
		return "", time.Time{}, fmt.Errorf("sign token for player %s: nil player, long name or ttl %s", player, ttl)
	}
	now := s.now().Truncate(time.Second)
	expires = now.Add(ttl).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, payload{
		Name: name,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    Issuer,
			Audience:  jwt.ClaimStrings{Audience},
			Subject:   player.String(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
	})
	t.Header["kid"] = s.kid
	if token, err = t.SignedString(s.key); err != nil {
		return "", time.Time{}, fmt.Errorf("sign token for player %s: %w", player, err)
	}
	return token, expires.UTC(), nil
}

// Verifier returns a verifier that trusts this signer alone.
func (s *Signer) Verifier() *Verifier {
	public, _ := s.key.Public().(ed25519.PublicKey) // always this type
	return newVerifier(map[string]ed25519.PublicKey{s.kid: public})
}

// Verifier checks player tokens. It may be used by many goroutines; its keys
// never change.
type Verifier struct {
	keys   map[string]ed25519.PublicKey
	parser *jwt.Parser
	seen   *seen
	now    func() time.Time
}

// NewVerifier reads a public key set (JWKS of Ed25519 keys, each with a kid).
func NewVerifier(jwks []byte) (*Verifier, error) {
	keys, err := publicSet(jwks)
	if err != nil {
		return nil, fmt.Errorf("read token keys: %w", err)
	}
	return newVerifier(keys), nil
}

func newVerifier(keys map[string]ed25519.PublicKey) *Verifier {
	v := &Verifier{keys: keys, seen: newSeen(), now: time.Now}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithIssuer(Issuer),
		jwt.WithAudience(Audience),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return v.now() }),
	)
	return v
}

// Verify returns what the token says, or a *problem.Problem: 401 token_expired
// for a token that was good once, 401 token_invalid for any other. The reason
// is in the error for logs; it never holds the token.
func (v *Verifier) Verify(token string) (Claims, error) {
	if token == "" {
		return Claims{}, missing()
	}
	if len(token) > maxToken {
		return Claims{}, invalid(fmt.Errorf("token of %d bytes", len(token)))
	}
	sum, claims, hit := v.seen.get(token)
	if !hit {
		var err error
		if claims, err = v.parse(token); err != nil {
			return Claims{}, err
		}
		v.seen.put(sum, claims)
	} else if !v.now().Before(claims.Expires.Add(leeway)) {
		return Claims{}, expired(jwt.ErrTokenExpired)
	}
	return claims, nil
}

func (v *Verifier) parse(token string) (Claims, error) {
	var p payload
	_, err := v.parser.ParseWithClaims(token, &p, v.key)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenInvalidAudience) && !errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return Claims{}, expired(err)
	case err != nil:
		return Claims{}, invalid(err)
	case p.IssuedAt == nil:
		return Claims{}, invalid(errors.New("token has no iat"))
	case len(p.Name) > maxName:
		return Claims{}, invalid(fmt.Errorf("token's name has %d bytes", len(p.Name)))
	}
	player, err := uuid.Parse(p.Subject)
	if err != nil || player == uuid.Nil || player.String() != p.Subject {
		return Claims{}, invalid(errors.New("token's sub is no player id"))
	}
	return Claims{Player: player, Name: p.Name, Expires: p.ExpiresAt.UTC()}, nil
}

// key finds the configured key that the header names. Headers that point at
// other keys, or that demand an extension we do not know (RFC 7515, section
// 4.1.11), end the matter before any signature is looked at.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "crit"} {
		if _, ok := t.Header[name]; ok {
			return nil, fmt.Errorf("token header has %s", name)
		}
	}
	kid, _ := t.Header["kid"].(string)
	key, ok := v.keys[kid]
	if !ok {
		return nil, errors.New("token's kid is not one of ours")
	}
	return key, nil
}

func missing() error {
	return problem.Of(problem.TokenMissing, "A bearer token is required.")
}

func invalid(reason error) error {
	return problem.Of(problem.TokenInvalid, "The token is not valid.").Because(reason)
}

func expired(reason error) error {
	return problem.Of(problem.TokenExpired, "The token has expired: sign in again.").Because(reason)
}
