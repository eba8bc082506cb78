package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/vegascore/vegascore/shared/problem"
)

// PushConfig says whose identity tokens a push or scheduled endpoint accepts.
// The defaults are Google's; a static key file is for a stack without network.
type PushConfig struct {
	Audience string `env:"PUSH_AUDIENCE"` // required: what the subscription asks for
	Issuer   string `env:"PUSH_ISSUER" envDefault:"https://accounts.google.com"`
	Email    string `env:"PUSH_EMAIL"` // required: the service accounts that may call, separated by commas
	JWKSURL  string `env:"PUSH_JWKS_URL" envDefault:"https://www.googleapis.com/oauth2/v3/certs"`
	JWKSFile string `env:"PUSH_JWKS_FILE"` // wins over JWKSURL
}

// PushVerifier checks the OIDC tokens (RS256) of push deliveries and scheduled
// calls. It may be used by many goroutines.
type PushVerifier struct {
	tokens *oidc.IDTokenVerifier
	emails []string
}

// NewPushVerifier builds a verifier without any network access: keys at a URL
// are fetched when the first token arrives. It fails when the audience or the
// email is not configured, for then every Google account could push, and when
// the key file cannot be used.
//
// The end of ctx does not stop the verifier: a fetch is bounded by its own limit
// and by the context of the call that needs it.
func NewPushVerifier(ctx context.Context, c PushConfig) (*PushVerifier, error) {
	if c.Audience == "" || c.Email == "" || c.Issuer == "" {
		return nil, errors.New("push tokens: PUSH_AUDIENCE, PUSH_EMAIL and PUSH_ISSUER must be set")
	}
	keys, err := c.keySet(ctx)
	if err != nil {
		return nil, fmt.Errorf("push tokens: %w", err)
	}
	return newPushVerifier(c, keys), nil
}

func newPushVerifier(c PushConfig, keys oidc.KeySet) *PushVerifier {
	return &PushVerifier{
		emails: strings.FieldsFunc(c.Email, func(r rune) bool { return r == ',' || r == ' ' }),
		tokens: oidc.NewVerifier(c.Issuer, keys, &oidc.Config{
			ClientID:             c.Audience,
			SupportedSigningAlgs: []string{oidc.RS256},
			Now:                  func() time.Time { return time.Now().Add(-leeway) },
		}),
	}
}

func (c PushConfig) keySet(ctx context.Context) (oidc.KeySet, error) {
	if c.JWKSFile == "" {
		if c.JWKSURL == "" {
			return nil, errors.New("PUSH_JWKS_URL or PUSH_JWKS_FILE must be set")
		}
		return newRemoteKeys(ctx, c.JWKSURL, time.Now), nil
	}
	data, err := os.ReadFile(c.JWKSFile)
	if err != nil {
		return nil, fmt.Errorf("read PUSH_JWKS_FILE: %w", err)
	}
	return staticKeys(data)
}

// Verify checks the bearer token of a delivery. It returns nil or a
// *problem.Problem: 401 when the token is missing or not valid, 403 when it is
// valid and names another account, 503 when the keys could not be fetched.
func (v *PushVerifier) Verify(ctx context.Context, r *http.Request) error {
	raw, err := Bearer(r)
	if err != nil {
		return err
	}
	if len(raw) > maxToken {
		return invalid(fmt.Errorf("token of %d bytes", len(raw)))
	}
	var fetch fetchOutcome
	token, err := v.tokens.Verify(context.WithValue(ctx, fetchKey{}, &fetch), raw)
	var dead *oidc.TokenExpiredError
	switch {
	case errors.As(err, &dead):
		return expired(err)
	case fetch.failed != nil:
		return problem.Of(problem.Unavailable, "The keys that sign deliveries cannot be read.").Because(fetch.failed)
	case err != nil:
		return invalid(err)
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		return invalid(err)
	}
	if !claims.Verified || !slices.Contains(v.emails, claims.Email) {
		return problem.Of(problem.Forbidden, "This account may not deliver here.")
	}
	return nil
}

// staticKeys is the key set of a file. Unlike oidc.StaticKeySet it holds the
// token to the key with its kid.
type staticKeySet map[string]jose.JSONWebKey

func staticKeys(data []byte) (oidc.KeySet, error) {
	set, err := parseRSA(data)
	if err != nil {
		return nil, fmt.Errorf("PUSH_JWKS_FILE: %w", err)
	}
	return set, nil
}

// VerifySignature implements oidc.KeySet.
func (s staticKeySet) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("parse token: %w", err)
	}
	key, ok := s[jws.Signatures[0].Header.KeyID]
	if !ok {
		return nil, errors.New("kid is not in the key file")
	}
	return jws.Verify(key)
}
