package outbox

import (
	"math/rand/v2"
	"time"
)

// backoff counts the failures in a row of one goroutine and grows its pauses.
type backoff struct {
	least, most time.Duration
	failures    int
}

func (d *Drainer) backoff() *backoff {
	return &backoff{least: d.opts.MinBackoff, most: d.opts.MaxBackoff}
}

// next counts a failure and returns a pause between half of and the whole of its
// step, so that containers that failed together do not come back together.
func (b *backoff) next() time.Duration {
	step := b.most
	if b.failures < 20 {
		step = min(b.least<<b.failures, b.most)
	}
	b.failures++
	return step/2 + rand.N(step/2+1)
}

// reset forgets the failures and returns how many there were.
func (b *backoff) reset() int {
	n := b.failures
	b.failures = 0
	return n
}
