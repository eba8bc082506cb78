package lobby

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bounds how often each player may chat, over all the sockets that the
// player has on this container.
type limits struct {
	mu    sync.Mutex
	of    map[string]*rate.Limiter
	swept time.Time
}

func newLimits() *limits { return &limits{of: map[string]*rate.Limiter{}, swept: time.Now()} }

// sweepAfter is longer than a limiter takes to be full again, and as good as new.
const sweepAfter = 2 * chatBurst * chatEvery

func (l *limits) allow(player string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.swept) > sweepAfter {
		for id, limiter := range l.of {
			if limiter.TokensAt(now) >= chatBurst {
				delete(l.of, id)
			}
		}
		l.swept = now
	}
	limiter := l.of[player]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Every(chatEvery), chatBurst)
		l.of[player] = limiter
	}
	return limiter.AllowN(now, 1)
}
