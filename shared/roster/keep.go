package roster

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// first is when the first card is written: the health checks have results by then,
	// and the start has no part in it.
	first     = time.Second
	writeTime = time.Second            // for one write
	leaveTime = 250 * time.Millisecond // for the removal; the lease does it otherwise
)

// NewID returns an id for a process.
func NewID() string { return rand.Text()[:10] }

// Keep writes the container's card every Every, from a second on, until ctx ends, then removes it. card is
// called for each write and must not block. What fails is logged once until it works
// again: the list is a picture for people, and the health checks watch Redis.
func Keep(ctx context.Context, client redis.UniversalClient, card func() Card, log *slog.Logger) {
	tick := time.NewTicker(first)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			leave(ctx, client, card().ID, log)
			return
		case <-tick.C:
			tick.Reset(Every)
		}
		bounded, cancel := context.WithTimeout(ctx, writeTime)
		err := Put(bounded, client, card())
		cancel()
		if ctx.Err() == nil && (err != nil) != failing {
			failing = err != nil
			log.InfoContext(ctx, "container on the roster", "listed", !failing, "error", err)
		}
	}
}

func leave(ctx context.Context, client redis.UniversalClient, id string, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if err := Remove(ctx, client, id); err != nil {
		log.InfoContext(ctx, "container leaves the roster by its lease", "error", err)
	}
}
