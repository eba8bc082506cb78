package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// result is what one run of a check found. It is never changed once stored.
type result struct {
	status  Status
	reason  string
	err     error
	latency time.Duration
	at      time.Time // when the run ended, or its limit
	details map[string]any
}

// component runs one check and holds its last result. Only loop stores.
type component struct {
	Check
	last  atomic.Pointer[result]
	first chan struct{} // closed with the first result
	after func(c *component, before, now *result)
}

// again is the longest pause after a run that failed: who came back should not be
// taken for absent much longer.
const again = time.Second

// loop runs the check until ctx ends. The first run is at once; later ones are
// a period apart, or at most again after a failure, give or take a tenth, so that
// containers that started together do not ask together.
func (c *component) loop(ctx context.Context) {
	for {
		run, cancel := context.WithTimeout(ctx, c.Timeout)
		done := make(chan *result, 1) // has room: a late run can end without us
		// Ends when the check returns; one that hangs for ever outlives loop.
		go func() { done <- c.run(run) }()
		ended := c.await(ctx, done)
		cancel()
		pause := c.Every
		if last := c.last.Load(); last != nil && last.status != Healthy {
			pause = min(pause, again)
		}
		if !ended || !sleep(ctx, jitter(pause)) {
			return
		}
	}
}

// await stores the run's result and returns true when the run has ended, false
// when ctx did first. A run that hangs past its limit is a failure, stored
// again every period so that it stays fresh.
func (c *component) await(ctx context.Context, done <-chan *result) bool {
	started := time.Now()
	limit := time.NewTimer(c.Timeout)
	defer limit.Stop()
	late := false
	for {
		select {
		case r := <-done:
			if !late {
				c.store(r)
			}
			return true
		case <-limit.C:
			late = true
			c.store(c.failure(context.DeadlineExceeded, time.Since(started)))
			limit.Reset(c.Every)
		case <-ctx.Done():
			return false
		}
	}
}

// run calls the check; a panic in it is a failure, not the end of the process.
func (c *component) run(ctx context.Context) (r *result) {
	started := time.Now()
	defer func() {
		if cause := recover(); cause != nil {
			r = c.failure(Because(c.Name+"_"+reasonPanic, fmt.Errorf("check panicked: %v", cause)), time.Since(started))
		}
	}()
	var err error
	if c.Run != nil {
		err = c.Run(ctx)
	}
	r = &result{status: Healthy, latency: time.Since(started), at: time.Now()}
	if err != nil {
		r = c.failure(err, time.Since(started))
	}
	if c.Details != nil {
		r.details = c.Details()
	}
	return r
}

func (c *component) failure(err error, took time.Duration) *result {
	status := Degraded
	if c.Critical && !isMild(err) {
		status = Unhealthy
	}
	return &result{status: status, reason: reasonOf(c.Name, err), err: err, latency: took, at: time.Now()}
}

func (c *component) store(r *result) {
	before := c.last.Load()
	if r.details == nil && before != nil {
		r.details = before.details // the last that is known of one that does not answer
	}
	c.last.Store(r)
	if before == nil {
		close(c.first)
	}
	c.after(c, before, r)
}

// snapshot returns the last result as it is to be judged now: none yet is a
// failure, and one older than three periods is unhealthy, for then nobody looks
// any more.
func (c *component) snapshot() result {
	last := c.last.Load()
	if last == nil {
		return *c.failure(Because(reasonStarting, errors.New("no result yet")), 0)
	}
	r := *last
	if age := time.Since(r.at); age > 3*c.Every {
		r.status, r.reason = Unhealthy, c.Name+"_"+reasonStale
		r.err = fmt.Errorf("last result is %s old", age)
	}
	return r
}

// jitter returns d give or take a tenth.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64()))
}

// sleep returns false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
