package chat

import (
	"sync"
	"time"
)

// pause is how long Redis is left alone after it failed: meanwhile nobody waits for it.
const pause = time.Second

// breaker remembers that Redis does not answer.
type breaker struct {
	mu    sync.Mutex
	away  bool
	until time.Time
}

// open says that Redis is not to be asked now.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.away && time.Now().Before(b.until)
}

// note takes the outcome of a question, and says whether an outage begins with it.
func (b *breaker) note(err error) (begins bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	begins = err != nil && !b.away
	b.away = err != nil
	if b.away {
		b.until = time.Now().Add(pause)
	}
	return begins
}
