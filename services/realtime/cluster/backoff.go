package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	mathrand "math/rand/v2"
	"strings"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second // so that everything is whole within 2 s of Redis' return
)

// backoff is the pause before the next attempt: it doubles, and is spread over its
// upper half so that containers do not come back in step.
type backoff struct{ failures int }

func (b backoff) next() time.Duration {
	pause := lastPause
	if b.failures < 6 {
		pause = min(firstPause<<max(b.failures-1, 0), lastPause)
	}
	return pause/2 + mathrand.N(pause/2)
}

// sleep waits for d and says whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// newUID returns n random characters. Peers compare sender ids as they are.
func newUID(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:n]
}

// put sets an entry of a map of maps.
func put[V any](m map[string]map[string]V, outer, inner string, value V) {
	if m[outer] == nil {
		m[outer] = map[string]V{}
	}
	m[outer][inner] = value
}

// drop deletes an entry of a map of maps, and the inner map with its last one.
func drop[V any](m map[string]map[string]V, outer, inner string) {
	delete(m[outer], inner)
	if len(m[outer]) == 0 {
		delete(m, outer)
	}
}
