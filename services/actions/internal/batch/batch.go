// Package batch serves callers who wait at the same time together: one transaction for
// many of them costs little more than for one.
//
// Nobody waits for company. While fewer executors than allowed are busy, a caller is
// served at once, alone if nobody else waits; otherwise whoever waits when an executor
// becomes free is taken with it.
package batch

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Errors of Do. Either way nothing was done.
var (
	ErrFull = errors.New("too many are waiting")
	ErrLate = errors.New("waited too long")
)

// Options bound a [Queue]; all are required.
type Options struct {
	Executors int           // that run at the same time, 1 or more
	Size      int           // items of a batch at most, 1 or more
	Backlog   int           // items that wait at most
	Time      time.Duration // of one run
}

// Queue collects items into batches. Its methods may be called concurrently.
type Queue[T, R any] struct {
	opts  Options
	run   func(ctx context.Context, items []T) ([]R, error)
	whole func(error) bool

	mu      sync.Mutex
	waiting []*errand[T, R]
	busy    int // executors
	running sync.WaitGroup
}

// errand is an item on its way.
type errand[T, R any] struct {
	ctx    context.Context // the caller's
	item   T
	result R
	err    error
	done   chan struct{} // closed when result and err are there
}

// New returns a queue over run, which returns a result for each item in their order,
// or an error and has done nothing. When it fails for several items, each is run again
// by itself, so that one cannot spoil the others, unless whole says that the error is
// that of all of them.
func New[T, R any](opts Options, run func(ctx context.Context, items []T) ([]R, error), whole func(error) bool) *Queue[T, R] {
	return &Queue[T, R]{opts: opts, run: run, whole: whole}
}

// Do returns what run made of item. The caller's context bounds how long the item waits;
// once it has been taken, Do returns when it is done, whatever becomes of the context.
// run gets the values of the context of the first item of its batch.
func (q *Queue[T, R]) Do(ctx context.Context, item T) (R, error) {
	e := &errand[T, R]{ctx: ctx, item: item, done: make(chan struct{})}
	q.mu.Lock()
	if len(q.waiting) >= q.opts.Backlog {
		q.mu.Unlock()
		return e.result, ErrFull
	}
	q.waiting = append(q.waiting, e)
	if q.busy < q.opts.Executors {
		q.busy++
		q.running.Go(q.execute) // until nothing waits
	}
	q.mu.Unlock()
	select {
	case <-e.done:
	case <-ctx.Done():
		if q.withdraw(e) {
			return e.result, ErrLate
		}
		<-e.done
	}
	return e.result, e.err
}

// Waiting is how many items no executor has taken yet.
func (q *Queue[T, R]) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Wait returns when everything that was asked for is done.
func (q *Queue[T, R]) Wait() { q.running.Wait() }

// withdraw takes an item back that nobody has taken.
func (q *Queue[T, R]) withdraw(e *errand[T, R]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == e {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// execute serves until nothing waits.
func (q *Queue[T, R]) execute() {
	for {
		batch := q.take()
		if batch == nil {
			return
		}
		err := q.serve(batch)
		if err != nil && len(batch) > 1 && !q.whole(err) {
			for i, e := range batch {
				e.finish(q.serve(batch[i : i+1]))
			}
			continue
		}
		for _, e := range batch {
			e.finish(err)
		}
	}
}

// take returns what waits, up to the size of a batch. When that is nothing, this
// executor is not busy any more.
func (q *Queue[T, R]) take() []*errand[T, R] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), q.opts.Size)
	if n == 0 {
		q.busy--
		return nil
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil // and with it the array
	}
	return batch
}

// serve runs a batch and notes the results.
func (q *Queue[T, R]) serve(batch []*errand[T, R]) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), q.opts.Time)
	defer cancel()
	items := make([]T, len(batch))
	for i, e := range batch {
		items[i] = e.item
	}
	results, err := q.run(ctx, items)
	if err != nil {
		return err
	}
	for i, e := range batch {
		e.result = results[i]
	}
	return nil
}

func (e *errand[T, R]) finish(err error) {
	e.err = err
	close(e.done)
}
