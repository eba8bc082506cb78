// Package probe judges a revision from outside, over HTTP, by what it says of itself at
// /ready and /health.
package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Errors of a verdict.
var (
	ErrNotReady  = errors.New("not ready")
	ErrUnhealthy = errors.New("unhealthy")
)

// Prober is a gate.Judge. It may be used concurrently.
type Prober struct {
	// Client sends the probes; where the addresses are not public, its transport adds
	// an identity token.
	Client *http.Client
	// Every is the time between two probes of a watch; 5 s when 0.
	Every time.Duration
	// Start is how long a revision may take until its first instance answers; 60 s
	// when 0.
	Start time.Duration
	// Bad is the share of bad probes, of a watch, from which a revision is unhealthy;
	// 0.1 when 0. Two bad ones in a row are always too many.
	Bad float64
	// Commit must be the version that /health shows; not looked at when empty.
	Commit string
}

// maxBody bounds how much of an answer is read, in bytes.
const maxBody = 64 << 10

// Smoke waits until the revision is ready, and looks at its health and version once.
func (p *Prober) Smoke(ctx context.Context, service, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, or(p.Start, time.Minute))
	defer cancel()
	var last error // what the revision said before the time was over
	for {
		err := p.ready(ctx, uri)
		if err == nil {
			return p.health(ctx, uri)
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(min(time.Second, or(p.Every, 5*time.Second))):
		}
	}
}

// Watch probes for as long as soak.
func (p *Prober) Watch(ctx context.Context, service, uri string, soak time.Duration) error {
	every := or(p.Every, 5*time.Second)
	limit := p.Bad
	if limit == 0 {
		limit = 0.1
	}
	total := max(1, int(soak/every))
	bad, row := 0, 0
	for range total {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(every):
		}
		err := p.ready(ctx, uri)
		if err == nil {
			err = p.health(ctx, uri)
		}
		if err == nil {
			row = 0
			continue
		}
		bad++
		if row++; row > 1 || float64(bad) > limit*float64(total) {
			return fmt.Errorf("%d of at most %d probes were bad: %w", bad, total, err)
		}
	}
	return nil
}

func or(value, otherwise time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return otherwise
}

func (p *Prober) ready(ctx context.Context, uri string) error {
	code, body, err := p.get(ctx, uri+"/ready")
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("%w: %d %s", ErrNotReady, code, body)
	}
	return nil
}

// health accepts healthy and degraded: a canary must not fail because Redis is away for
// the old revision, too.
func (p *Prober) health(ctx context.Context, uri string) error {
	code, body, err := p.get(ctx, uri+"/health")
	if err != nil {
		return err
	}
	var document struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return fmt.Errorf("%w: %d, no document: %w", ErrUnhealthy, code, err)
	}
	if code != http.StatusOK || document.Status != "healthy" && document.Status != "degraded" {
		return fmt.Errorf("%w: %d %s", ErrUnhealthy, code, document.Status)
	}
	if p.Commit != "" && document.Version != p.Commit {
		return fmt.Errorf("%w: version %q, want %q", ErrUnhealthy, document.Version, p.Commit)
	}
	return nil
}

func (p *Prober) get(ctx context.Context, url string) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("probe: %w", err)
	}
	answer, err := p.Client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("probe: %w", err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(answer.Body, maxBody)); err != nil {
		return 0, nil, fmt.Errorf("probe %s: %w", url, err)
	}
	return answer.StatusCode, body, nil
}
