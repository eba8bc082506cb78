package croupier

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Why a container stops to lead.
var (
	errDone    = errors.New("nobody is at the table any more")
	errExpired = errors.New("the lease was not renewed in time")
	errTaken   = errors.New("the lease is not this container's any more")
	errStale   = errors.New("a newer leader was at the table")
)

// steady is how long a leader has to lead for its loss to be news: before that, it waits
// before it takes the lease again, so that two who count differently do not chase each other.
const steady = 10 * time.Second

// keep tries to lead a table until ctx ends or nobody is at it any more.
func (c *Croupier) keep(ctx context.Context, t *table) {
	var away, chased backoff
	seen := int64(0) // highest fence number that is known
	for !c.dismiss(ctx, t) {
		l, wait, err := c.leases.take(ctx, t.id, seen)
		var poke chan struct{} // nothing cuts a pause short that is for peace
		switch {
		case err != nil:
			if wait = away.next(); away.failures == 1 && ctx.Err() == nil {
				c.log.WarnContext(ctx, "lease of a table not to be had", "table", t.id, "error", err)
			}
		case l == nil:
			away, poke = backoff{}, t.poke
			wait += rand.N(c.opts.Lease/20 + 1)
		default:
			away = backoff{}
			began := time.Now()
			used, why := c.lead(ctx, t, l)
			if seen = max(used, seen); errors.Is(why, errStale) {
				if time.Since(began) > steady {
					chased = backoff{}
				}
				if chased.failures > 0 {
					wait = chased.next()
				} else {
					chased.failures++ // the first time at once
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-poke:
		case <-time.After(wait):
		}
	}
}

// lead keeps a table's clock as long as its lease lasts and it is wanted, and gives the
// lease back. It returns the highest fence number that it has heard of and why it ended.
func (c *Croupier) lead(ctx context.Context, t *table, l *lease) (seen int64, why error) {
	ctx, end := context.WithCancelCause(ctx)
	c.leading.Add(1)
	c.log.InfoContext(ctx, "table led", "table", t.id, "fence", l.fence)
	var wg sync.WaitGroup
	wg.Go(func() { end(c.hold(ctx, l)) }) // ends with ctx, or with the lease
	seen, why = c.clock(ctx, t, l)
	if ctx.Err() != nil {
		why = context.Cause(ctx)
	}
	end(why)
	wg.Wait()
	c.leading.Add(-1)
	if errors.Is(why, errExpired) || errors.Is(why, errTaken) || errors.Is(why, errStale) {
		c.lost.Add(1)
		c.log.WarnContext(ctx, "lease of a table lost", "table", t.id, "fence", l.fence, "error", why)
	} else {
		c.log.InfoContext(ctx, "table left", "table", t.id, "fence", l.fence, "reason", why.Error())
	}
	if err := c.leases.release(context.WithoutCancel(ctx), l); err != nil {
		c.log.WarnContext(ctx, "lease of a table not given back: it runs out", "table", t.id, "error", err)
	}
	return seen, why
}

// hold renews a lease until ctx ends or the lease is lost, and returns which.
func (c *Croupier) hold(ctx context.Context, l *lease) error {
	wait := c.opts.Lease / 3
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(wait, time.Until(l.end()))):
		}
		if !l.valid() {
			return errExpired
		}
		switch kept, err := c.leases.renew(ctx, l); {
		case err != nil:
			wait = c.opts.Lease / 10
		case kept:
			wait = c.opts.Lease / 3
		default:
			return errTaken
		}
	}
}

// clock advances the table whenever that is due. It ends with ctx or with the lease, when
// a newer leader was there, and when it is over.
func (c *Croupier) clock(ctx context.Context, t *table, l *lease) (seen int64, why error) {
	var r watched
	var trouble backoff
	for {
		if !l.valid() {
			return l.fence, errExpired
		}
		a, result, err := c.advance(ctx, l)
		wait := a.pause()
		switch result {
		case Advanced:
			r.seq, r.state = a.Seq, a.State
			trouble = backoff{}
		case Stale:
			if a.Fence < 0 || a.Fence > highest-1 {
				a.Fence = 0
			}
			return max(l.fence, a.Fence), errStale
		case Cut:
			return l.fence, context.Cause(ctx)
		default:
			if wait = trouble.next(); trouble.failures == 1 {
				c.log.WarnContext(ctx, "table not advanced", "table", t.id, "result", result.String(), "error", err)
			}
		}
		for due := time.Now().Add(wait); ; {
			since, empty := c.empty(t)
			ends, over := r.over(since, empty, c.opts.Linger)
			if over {
				return l.fence, errDone
			}
			rest := time.Until(due)
			if empty {
				rest = min(rest, time.Until(ends))
			}
			if time.Until(due) <= 0 {
				break
			}
			select {
			case <-ctx.Done():
				return l.fence, context.Cause(ctx)
			case <-t.poke:
			case <-time.After(rest):
			}
		}
	}
}

// watched is the round of a table, as far as its leader has heard.
type watched struct {
	seq   int64
	state string // "": nothing yet

	left bool  // nobody is at the table
	last int64 // seq of the round that the last of them saw
}

// over says that nobody needs the clock any more: the round that the last member saw is
// settled, or a time has passed since then, which ends at the time that is returned.
func (w *watched) over(since time.Time, empty bool, linger time.Duration) (ends time.Time, over bool) {
	if !empty {
		w.left = false
		return time.Time{}, false
	}
	if !w.left && w.state != "" {
		w.left, w.last = true, w.seq
	}
	ends = since.Add(linger)
	return ends, w.left && (w.state == settled || w.seq > w.last) || !time.Now().Before(ends)
}
