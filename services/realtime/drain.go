package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// asked notes a drain message. A later one takes the place of one that waits.
func (p *peers) asked(d cluster.Drain) {
	select {
	case <-p.drains:
	default:
	}
	p.drains <- d // has room: nobody else sends
}

// obey does what drain messages say, until ctx ends. A container of another revision
// than the one to be kept takes no new sockets and closes its own over the time given;
// one of the revision that is kept takes sockets, again if need be.
//
// It stays ready meanwhile: the sockets that are left still need their requests, and
// whoever moves traffic has moved it before.
func (p *peers) obey(ctx context.Context, rooms *socketio.Server, revision string, log *slog.Logger) {
	stop := func() {} // ends the drain under way and waits for it
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-p.drains:
			stop()
			stop = func() {}
			if d.Keep == revision {
				rooms.Admit()
				continue
			}
			log.InfoContext(ctx, "draining", "keep", d.Keep, "over_seconds", d.Over.Seconds())
			stop = begin(ctx, func(ctx context.Context) {
				if rooms.Empty(ctx, d.Over) == nil {
					log.InfoContext(ctx, "drained")
				}
			})
		}
	}
}

// begin runs f, which ends with ctx or with the returned function, which waits for it.
func begin(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	return func() { cancel(); wg.Wait() }
}
