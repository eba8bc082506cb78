package croupier

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// backoff is the pause after so many failures in a row: it doubles, and is spread over its
// upper half so that containers do not come back in step.
type backoff struct{ failures int }

func (b *backoff) next() time.Duration {
	b.failures++
	pause := lastPause
	if b.failures < 6 {
		pause = min(firstPause<<(b.failures-1), lastPause)
	}
	return pause/2 + rand.N(pause/2)
}
