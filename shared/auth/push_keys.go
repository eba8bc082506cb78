package auth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// parseRSA reads a JWKS and keeps its RSA keys that have a kid.
func parseRSA(data []byte) (staticKeySet, error) {
	var file jose.JSONWebKeySet
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	set := make(staticKeySet)
	for _, key := range file.Keys {
		if !key.IsPublic() {
			return nil, fmt.Errorf("key %q in the public set holds its private part", key.KeyID)
		}
		if _, ok := key.Key.(*rsa.PublicKey); ok && key.KeyID != "" {
			set[key.KeyID] = key
		}
	}
	if len(set) == 0 {
		return nil, errors.New("key set has no RSA key with a kid")
	}
	return set, nil
}

// Any caller can make a verifier look for a key: a token with an unknown kid or
// a forged signature is enough. These bounds keep that from becoming traffic to
// the provider.
const (
	fetchEvery   = 10 * time.Second // at most one fetch in this time
	fetchRetry   = time.Second      // the same after a failed one
	fetchTimeout = 5 * time.Second
	maxKeySet    = 256 << 10 // bytes
)

// remoteKeys is oidc's remote key set with bounded fetches, and with the
// difference between a bad token and keys that cannot be had.
type remoteKeys struct {
	set *oidc.RemoteKeySet
}

type fetchKey struct{}

// fetchOutcome tells Verify about a failed fetch: go-oidc flattens the error.
type fetchOutcome struct{ failed error }

// fetchError marks an error of the key set's host.
type fetchError struct{ cause error }

func (e *fetchError) Error() string { return "fetch key set: " + e.cause.Error() }
func (e *fetchError) Unwrap() error { return e.cause }

func newRemoteKeys(ctx context.Context, url string, now func() time.Time) *remoteKeys {
	client := &http.Client{Timeout: fetchTimeout, Transport: &boundedFetch{next: http.DefaultTransport, now: now}}
	return &remoteKeys{set: oidc.NewRemoteKeySet(oidc.ClientContext(ctx, client), url)}
}

// VerifySignature implements oidc.KeySet.
func (k *remoteKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.set.VerifySignature(ctx, token)
	var failed *fetchError
	outcome, ok := ctx.Value(fetchKey{}).(*fetchOutcome)
	if ok && (errors.As(err, &failed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		outcome.failed = err
	}
	return payload, err
}

// boundedFetch answers from its last reply until fetchEvery has passed. The
// remote key set never has two requests in flight.
type boundedFetch struct {
	next http.RoundTripper
	now  func() time.Time

	mu        sync.Mutex
	notBefore time.Time // no fetch before
	body      []byte
	err       error
}

// RoundTrip implements http.RoundTripper.
func (f *boundedFetch) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); !now.Before(f.notBefore) {
		f.body, f.err = f.fetch(r)
		f.notBefore = now.Add(fetchEvery)
		if f.err != nil {
			f.notBefore = now.Add(fetchRetry)
		}
	}
	if f.err != nil {
		return nil, &fetchError{f.err}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(f.body)), Request: r,
	}, nil
}

func (f *boundedFetch) fetch(r *http.Request) ([]byte, error) {
	resp, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("more than %d bytes", maxKeySet)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 {
		return nil, errors.New("no key set in the answer")
	}
	return body, nil
}
