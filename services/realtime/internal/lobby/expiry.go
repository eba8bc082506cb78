package lobby

import (
	"context"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

// Run cuts the sockets whose token has expired, and tells sockets of a loss, until ctx
// ends. A socket outlives its token by the verifier's leeway and one period at most,
// which is less than a minute.
func (l *Lobby) Run(ctx context.Context) {
	ticker := time.NewTicker(expiryPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			l.cutExpired(now)
		case <-l.lost:
			l.resync()
		}
	}
}

func (l *Lobby) cutExpired(now time.Time) {
	for _, s := range l.ns.Sockets("") {
		p, ok := s.Data().(*player)
		if !ok || p.claims.Expires.After(now) {
			continue
		}
		// The event tells the client to get a new token before it connects again;
		// after Disconnect it does not come back by itself with the old one.
		_ = s.Emit("error", answer{Code: problem.TokenExpired, Detail: "the token has expired; sign in again"}) // it may be gone
		s.Disconnect(true)
	}
}
